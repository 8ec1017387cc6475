/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/base/macros.h"
#include "drivers/device.h"
#include "drivers/devstring.h"

static struct devstring string;
static struct devstring_error error;

static void take(const char *text, enum devstring_kind kind, const char *target)
{
	int rc = devstring_parse(text, &string, &error);

	if (rc != 0)
		fail_msg("%s: %s", text, error.text);
	assert_int_equal(string.kind, kind);
	assert_string_equal(string.target, target);
}

/* Refused, and the sentence names the culprit. */
static void refuse(const char *text, const char *culprit)
{
	assert_int_equal(devstring_parse(text, &string, &error), -EINVAL);
	if (strstr(error.text, culprit) == NULL)
		fail_msg("%s: \"%s\" does not name %s", text, error.text, culprit);
}

static void test_kinds(void **state)
{
	(void)state;
	take("pci:0000:03:00.0", DEVSTRING_PCI, "0000:03:00.0");
	take("af_xdp:eth1", DEVSTRING_AF_XDP, "eth1");
	take("af_packet:veth0", DEVSTRING_AF_PACKET, "veth0");
	take("tap:tl0", DEVSTRING_TAP, "tl0");
	take("memif:/run/a.sock,role=server", DEVSTRING_MEMIF, "/run/a.sock");
	take("memif:@name,role=client,id=4294967295", DEVSTRING_MEMIF, "@name");
	take("null:", DEVSTRING_NULL, "");
	take("ring:cust", DEVSTRING_RING, "cust");
	take("pcap:rx=in.pcap,tx=out.pcap", DEVSTRING_PCAP, "");
	take("pcap:interface=eth0", DEVSTRING_PCAP, "");
	assert_string_equal(devstring_kind_name(DEVSTRING_AF_XDP), "af_xdp");
}

static void test_options(void **state)
{
	(void)state;
	take("af_xdp:eth1,queue=3,busy_budget=0,force_copy=on", DEVSTRING_AF_XDP, "eth1");
	assert_int_equal(devstring_number(&string, "queue", 9), 3);
	assert_int_equal(devstring_number(&string, "busy_budget", 9), 0);
	assert_int_equal(devstring_number(&string, "frames", 9), 9);
	assert_true(devstring_flag(&string, "force_copy", false));
	assert_true(devstring_flag(&string, "other", true));
	assert_null(devstring_option(&string, "other"));
	take("null:,size=1500,copy=off", DEVSTRING_NULL, "");
	assert_false(devstring_flag(&string, "copy", true));
}

static void test_macs(void **state)
{
	const uint8_t wanted[6] = {2, 0, 0, 0, 0, 7};
	uint8_t mac[6];

	(void)state;
	take("tap:t,mac=02:00:00:00:00:07", DEVSTRING_TAP, "t");
	assert_true(devstring_mac(&string, mac));
	assert_memory_equal(mac, wanted, 6);
	take("tap:t", DEVSTRING_TAP, "t");
	assert_false(devstring_mac(&string, mac));
	refuse("tap:t,mac=01:00:00:00:00:07", "mac");
	refuse("tap:t,mac=02:00:00", "mac");
}

static void test_malformed(void **state)
{
	(void)state;
	refuse("", "KIND:TARGET");
	refuse("eth1", "eth1");
	refuse("xdp:eth1", "xdp");
	refuse(":eth1", "unknown kind");
	refuse("af_xdp:", "af_xdp");
	refuse("af_xdp:a-name-that-is-too-long", "a-name-that-is-too-long");
	refuse("af_xdp:../x", "../x");
	refuse("af_packet:a b", "a b");
	refuse("pci:03:00.0", "03:00.0");
	refuse("pci:0000:03:00.8", "0000:03:00.8");
	refuse("pci:0000:03:00.g", "0000:03:00.g");
	refuse("tap:a\nb", "control character");
	refuse("tap:a[0]", "bracket");
}

static void test_bad_options(void **state)
{
	(void)state;
	refuse("af_xdp:eth1,speed=3", "speed");
	refuse("af_xdp:eth1,speed=3", "queue");
	refuse("af_xdp:eth1,queue", "queue");
	refuse("af_xdp:eth1,=3", "=3");
	refuse("af_xdp:eth1,", "form option=value");
	refuse("af_xdp:eth1,queue=", "queue: empty");
	refuse("af_xdp:eth1,queue=-1", "queue");
	refuse("af_xdp:eth1,queue=64", "0 to 63");
	refuse("af_xdp:eth1,queue=1x", "1x");
	refuse("af_xdp:eth1,queue=99999999999999999999", "queue");
	refuse("af_xdp:eth1,queue=1,queue=1", "queue: given twice");
	refuse("af_packet:eth1,qdisc_bypass=maybe", "qdisc_bypass");
	refuse("memif:/run/a", "role");
	refuse("memif:/run/a,role=master", "role");
	refuse("pcap:", "rx=FILE");
	refuse("pcap:rx=a,interface=eth0", "interface");
	refuse("ring:a-name-longer-than-twenty", "20");
	refuse("ring:a,peer=a-name-longer-than-twenty", "peer");
}

static void test_lengths(void **state)
{
	char text[700];

	(void)state;
	snprintf(text, sizeof(text), "memif:/%0*d,role=server", 120, 0);
	refuse(text, "too long");
	snprintf(text, sizeof(text), "pcap:rx=%0*d", 300, 0);
	refuse(text, "too long");
	snprintf(text, sizeof(text), "pcap:%0*d=1", 40, 0);
	refuse(text, "too long");
	strcpy(text, "pci:0000:03:00.0");
	for (int i = 0; i <= DEVSTRING_PAIRS; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ",o%d=1", i);
	refuse(text, "more than 16 options");
}

static void test_eal_argument(void **state)
{
	char text[128];

	(void)state;
	take("pci:0000:03:00.0,dv_flow_en=1,class=net", DEVSTRING_PCI, "0000:03:00.0");
	assert_true(device_eal_argument(&string, text, sizeof(text)));
	assert_string_equal(text, "0000:03:00.0,dv_flow_en=1,class=net");
	take("null:", DEVSTRING_NULL, "");
	assert_false(device_eal_argument(&string, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_macs),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_eal_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
