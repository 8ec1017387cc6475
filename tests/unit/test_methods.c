/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The request/response pairs of tests/golden/socket, through the sockets of a whole gateway whose
 * workers and publisher the test turns. Each step is a "method" with "params", or a "line" as it
 * is, and the "result" or "error" that answers it; "later" where the answer is taken by a step of
 * its own, with the same "id". "given" says what happens before, "socket" which one it goes to,
 * "times" how often the line stands in one, "*" stands for whatever is there. At the end every
 * method must have been answered and refused.
 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <rte_cycles.h>

#include "control/boot.h"
#include "control/journal.h"
#include "control/loop.h"
#include "control/methods.h"
#include "control/provision.h"
#include "control/rings.h"
#include "control/stats.h"
#include "control/system.h"
#include "control/watches.h"
#include "dataplane/base/log.h"
#include "dataplane/base/macros.h"
#include "dataplane/meter/flows.h"
#include "drivers/device.h"
#include "tests/tools/testbed.h"

#define WORKERS	    3
#define PORTS	    2
#define CONNECTIONS 8
#define NEIGHBOURS  32
#define LINE_BYTES  (1 << 20)
#define PATIENCE    5000 /* turns of a millisecond at most */

static const char *directory;

/* The clock of those who wait for something, ahead of the loop's own. */
static uint64_t ahead_ns;

uint64_t __real_loop_now(void);
uint64_t __wrap_loop_now(void);

uint64_t __wrap_loop_now(void)
{
	return __real_loop_now() + ahead_ns;
}

static bool disk_fails;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	if (!disk_fails)
		return __real_fdatasync(fd);
	errno = EIO;
	return -1;
}

/* The gateway */

static struct testbed *g;
static struct boot boot;
static struct device device[PORTS];
static char home[64];
static bool standing; /* the workers are not turned */
static bool withheld; /* the publisher is not */

/* One client on each socket. */
static struct client {
	int fd;
	char line[LINE_BYTES];
	size_t at;
	json_t *answers, *updates;
} client[SERVER_SOCKETS];

static void turn(void)
{
	for (unsigned w = 0; w < WORKERS && !standing; w++)
		plane_turn(g->parts.plane, w);
	if (!withheld)
		testbed_control(g, 0);
	loop_turn(g->parts.loop, standing || withheld);
}

static const char *home_path(const char *name)
{
	static char path[4][128];
	static unsigned next;
	char *at = path[next++ % ARRAY_SIZE(path)];

	snprintf(at, sizeof(path[0]), "%s/%s", home, name);
	return at;
}

static void make_boot(void)
{
	boot = (struct boot){.name = "gw-a",
		.state_dir = "/state",
		.ports = PORTS,
		.port = {{.name = "cust", .device = "ring:cust", .distribute = true},
			{.name = "bb", .device = "ring:bb"}},
		.workers = {.count = WORKERS},
		.memory = {.megabytes = 512},
		.limits = {.connections = CONNECTIONS,
			.attachments = 4 * CONNECTIONS,
			.endpoints = 4 * CONNECTIONS,
			.sites = 16,
			.paths = 128,
			.routes = 1000,
			.neighbours = NEIGHBOURS,
			.next_hop_sets = 256,
			.icmp_errors_per_second = 100,
			.held_packets = 1024,
			.held_packets_per_neighbour = 16,
			.neighbours_per_attachment = 256}};
	for (unsigned i = 0; i < PORTS; i++) {
		device[i] = (struct device){.driver = "net_ring",
			.port_id = g->device[i],
			.mtu = 1500,
			.rx_queues = g->setup.port[i].rx_queues,
			.tx_queues = g->tx_queues[i]};
		testbed_mac(i, device[i].mac);
	}
	g->parts.boot = &boot;
	g->parts.device = device;
}

static void open_server(void)
{
	struct server_config config = {.path = {home_path("control"), home_path("stats")},
		.mode = {0600, 0600},
		.group = {(gid_t)-1, (gid_t)-1}};

	methods_serve(&config);
	g->parts.server = server_create(g->parts.loop, &g->parts, &config);
	assert_non_null(g->parts.server);
}

static void dial(struct client *c, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(c->fd >= 0);
	strcpy(address.sun_path, path);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	c->at = 0;
	c->answers = json_array();
	c->updates = json_array();
}

static void open_gateway(void)
{
	static const struct testbed_setup setup = {.workers = WORKERS,
		.ports = PORTS,
		.connections = CONNECTIONS,
		.neighbours = NEIGHBOURS,
		.port = {{.name = "cust", .rx_queues = 2, .distribute = true},
			{.name = "bb", .tx_queues = 1}}};
	char error[JOURNAL_ERROR_TEXT];

	standing = withheld = disk_fails = false;
	ahead_ns = 0;
	strcpy(home, "/tmp/trunkline-methods-XXXXXX");
	assert_non_null(mkdtemp(home));
	g = testbed_create(&setup);
	assert_non_null(g);
	make_boot();
	g->parts.loop = loop_create();
	g->parts.journal = journal_open(g->parts.loop, home, error);
	assert_non_null(g->parts.journal);
	g->parts.provision = provision_create(&g->parts);
	g->parts.stats = stats_create(&g->parts);
	g->parts.rings = rings_create(&g->parts);
	open_server();
	for (unsigned i = 0; i < SERVER_SOCKETS; i++)
		dial(&client[i], home_path(i == SERVER_CONTROL ? "control" : "stats"));
	testbed_settle(g, 0);
	for (unsigned i = 0; i < 10; i++)
		turn();
}

static void close_gateway(void)
{
	for (unsigned i = 0; i < SERVER_SOCKETS; i++) {
		close(client[i].fd);
		json_decref(client[i].answers);
		json_decref(client[i].updates);
	}
	server_quiesce(g->parts.server);
	journal_close(g->parts.journal);
	provision_destroy(g->parts.provision);
	stats_destroy(g->parts.stats);
	rings_destroy(g->parts.rings);
	system_stop(&g->parts);
	server_destroy(g->parts.server);
	g->parts.device = NULL;
	testbed_settle(g, 0);
	loop_destroy(g->parts.loop);
	testbed_destroy(g);
	unlink(home_path("log"));
	assert_int_equal(rmdir(home), 0);
}

/* The client's side */

static void say(struct client *c, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(c->fd, text, length, MSG_NOSIGNAL);

		if (sent > 0) {
			text += sent;
			length -= (size_t)sent;
		} else {
			assert_int_equal(errno, EAGAIN);
		}
		turn();
	}
}

static void take_line(struct client *c, const char *text, size_t length)
{
	json_t *message = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);

	if (message == NULL)
		fail_msg("not JSON: %.*s", (int)length, text);
	json_array_append_new(
		json_object_get(message, "method") != NULL ? c->updates : c->answers, message);
}

static void hear(struct client *c)
{
	ssize_t got = recv(c->fd, c->line + c->at, LINE_BYTES - c->at, 0);
	char *end;

	if (got <= 0) {
		assert_true(got < 0 && errno == EAGAIN);
		return;
	}
	c->at += (size_t)got;
	while ((end = memchr(c->line, '\n', c->at)) != NULL) {
		size_t length = (size_t)(end - c->line);

		take_line(c, c->line, length);
		c->at -= length + 1;
		memmove(c->line, end + 1, c->at);
	}
}

static json_t *first_of(json_t *list)
{
	json_t *first = json_incref(json_array_get(list, 0));

	json_array_remove(list, 0);
	return first;
}

/* The next that comes, answer or update; NULL where nothing does. The caller's. */
static json_t *wait_for(struct client *c, json_t *list)
{
	for (unsigned i = 0; i < PATIENCE && json_array_size(list) == 0; i++) {
		turn();
		hear(c);
		if (i > 20)
			usleep(1000);
	}
	return json_array_size(list) == 0 ? NULL : first_of(list);
}

/* What steps are given */

static void stand(void)
{
	standing = true;
}

/* Until nothing is under way, which control looks at every now and then. */
static void go_on(void)
{
	standing = false;
	for (unsigned i = 0; i < 20 || !plane_settled(g->parts.plane); i++) {
		assert_true(i < PATIENCE);
		turn();
		usleep(200);
	}
}

static void withhold(void)
{
	withheld = true;
}

static void publish(void)
{
	withheld = false;
}

static void lose_patience(void)
{
	ahead_ns += (RINGS_PATIENCE_MS + 1) * UINT64_C(1000000);
}

static void fail_disk(void)
{
	disk_fails = true;
}

/* In eight seconds 32 packets of one flow, 16 of a second, and on the other port 16 of a third. */
static void sample_flows(void)
{
	static const struct flows_key tcp = {.hash = UINT64_C(1) << 20,
		.source = {10, 1, 0, 9},
		.destination = {10, 2, 0, 9},
		.connection = 1,
		.source_port = 40000,
		.destination_port = 443,
		.family = IP_4,
		.protocol = 6};
	static const struct flows_key ping = {.hash = UINT64_C(2) << 20,
		.source = {0xfd, [15] = 9},
		.destination = {0xfd, 1, [15] = 9},
		.connection = 1,
		.family = IP_6,
		.protocol = 58};
	static const struct flows_key gre = {.hash = 0,
		.source = {10, 2, 0, 9},
		.destination = {10, 1, 0, 9},
		.connection = 2,
		.family = IP_4,
		.protocol = 47,
		.side = METER_PATH,
		.port = 1};
	struct flows *flows = plane_meter(g->parts.plane, 1)->flows;
	uint64_t now = rte_rdtsc(), begun = now - 8 * rte_get_tsc_hz();

	flows->window = now - begun;
	for (unsigned i = 0; i < 32; i++) {
		flows_record(flows, &tcp, 100, begun);
		flows_record(flows, i % 2 ? &ping : &gre, i % 2 ? 1000 : 500, begun);
	}
	/* The first of the next window. */
	flows_record(flows, &gre, 500, now);
}

/* Calls that nobody reads the answers of. */

static void drop(struct rpc_call *call, json_t *response)
{
	(void)call;
	json_decref(response);
}

static void fill_answers(void)
{
	static const struct rpc_sink sink = {.answer = drop};
	const struct rpc_method *get = rpc_find(stats_methods, "stats.get");

	for (unsigned i = 0; i < STATS_JOBS; i++)
		get->handle(&g->parts, rpc_call_create(&g->parts, get, NULL, NULL, &sink, NULL));
}

static void fill_watches(void)
{
	static const char request[] = "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": "
				      "\"stats.watch\", \"params\": {\"interval_ms\": 3600000}}\n";
	struct client *c = &client[SERVER_STATS];

	for (unsigned i = 0; i < WATCHES_MAX - 1; i++) {
		say(c, request, sizeof(request) - 1);
		json_decref(wait_for(c, c->answers));
		json_decref(wait_for(c, c->updates));
	}
}

static void give(const char *what)
{
	static const struct {
		const char *what;
		void (*make)(void);
	} ways[] = {{"the workers stand still", stand}, {"the workers go on", go_on},
		{"nothing is published", withhold}, {"control publishes again", publish},
		{"5 seconds went by", lose_patience}, {"the disk fails", fail_disk},
		{"three flows were sampled", sample_flows},
		{"32 answers are being made", fill_answers},
		{"31 more watches are served", fill_watches}};

	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
		if (strcmp(ways[i].what, what) != 0)
			continue;
		ways[i].make();
		return;
	}
	fail_msg("nothing is known of \"%s\"", what);
}

/* Steps */

/* "*" stands for anything. */
static bool matches(json_t *wanted, const json_t *got)
{
	const char *text = json_string_value(wanted), *key;
	json_t *value;
	size_t index;

	if (got == NULL)
		return false;
	if (text != NULL && strcmp(text, "*") == 0)
		return true;
	if (json_typeof(wanted) != json_typeof(got))
		return false;
	if (json_is_object(wanted)) {
		json_object_foreach(wanted, key,
			value) if (!matches(value, json_object_get(got, key))) return false;
		return json_object_size(wanted) == json_object_size(got);
	}
	if (!json_is_array(wanted))
		return json_equal(wanted, got);
	json_array_foreach(
		wanted, index, value) if (!matches(value, json_array_get(got, index))) return false;
	return json_array_size(wanted) == json_array_size(got);
}

static void check_message(json_t *wanted, json_t *got, const char *where)
{
	if (got == NULL)
		fail_msg("%s: nothing came", where);
	if (!matches(wanted, got))
		fail_msg("%s: wanted %s, got %s", where, json_dumps(wanted, 0), json_dumps(got, 0));
	json_decref(wanted);
	json_decref(got);
}

/* So many times the same, 0 as once. */
static char *line_of(const char *part, size_t times)
{
	size_t length = strlen(part);
	char *text;

	times = times != 0 ? times : 1;
	text = malloc(times * length + 2);
	assert_non_null(text);
	for (size_t i = 0; i < times; i++)
		memcpy(text + i * length, part, length);
	strcpy(text + times * length, "\n");
	return text;
}

/* The request of a step, with the newline. */
static char *request_of(const json_t *step, json_t *id)
{
	const char *line = json_string_value(json_object_get(step, "line"));
	size_t times = (size_t)json_integer_value(json_object_get(step, "times"));
	json_t *params = json_object_get(step, "params"), *request;
	char *text, *whole = NULL;

	if (line != NULL)
		return line_of(line, times);
	request = json_pack("{s:s, s:O, s:O}", "jsonrpc", "2.0", "id", id, "method",
		json_object_get(step, "method"));
	if (params != NULL)
		json_object_set(request, "params", params);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (asprintf(&whole, "%s\n", text) < 0)
		whole = NULL;
	free(text);
	return whole;
}

static void ask(struct client *c, const json_t *step, json_t *id)
{
	char *request = request_of(step, id);

	assert_non_null(request);
	say(c, request, strlen(request));
	free(request);
}

static void check_answer(struct client *c, const json_t *step, json_t *id, const char *where)
{
	json_t *error = json_object_get(step, "error");
	const char *member = error != NULL ? "error" : "result";
	json_t *wanted = json_pack("{s:s, s:O, s:O}", "jsonrpc", "2.0", "id", id, member,
		error != NULL ? error : json_object_get(step, "result"));

	if (wanted == NULL)
		fail_msg("%s: neither result nor error is given", where);
	check_message(wanted, wait_for(c, c->answers), where);
}

static void check_update(struct client *c, const json_t *step, const char *where)
{
	json_t *wanted = json_pack("{s:s, s:s, s:O}", "jsonrpc", "2.0", "method", "stats.update",
		"params", json_object_get(step, "update"));

	check_message(wanted, wait_for(c, c->updates), where);
}

static void check_silence(struct client *c, const char *where)
{
	for (unsigned i = 0; i < 20; i++) {
		turn();
		hear(c);
	}
	if (json_array_size(c->answers) > 0)
		fail_msg("%s: answered at once", where);
}

static void run_step(const json_t *step, size_t number, const char *where)
{
	const char *socket = json_string_value(json_object_get(step, "socket"));
	const char *given = json_string_value(json_object_get(step, "given"));
	struct client *c = &client[socket != NULL && strcmp(socket, "stats") == 0 ? SERVER_STATS
										  : SERVER_CONTROL];
	json_t *id = json_object_get(step, "id");

	id = id != NULL ? json_incref(id) : json_integer((json_int_t)number);
	if (given != NULL)
		give(given);
	if (json_object_get(step, "method") != NULL || json_object_get(step, "line") != NULL)
		ask(c, step, id);
	if (json_object_get(step, "update") != NULL)
		check_update(c, step, where);
	else if (json_is_true(json_object_get(step, "later")))
		check_silence(c, where);
	else
		check_answer(c, step, id, where);
	json_decref(id);
}

static json_t *steps_of(const char *path)
{
	json_error_t error;
	json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error), *steps;

	if (file == NULL)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	steps = json_incref(json_object_get(file, "steps"));
	json_decref(file);
	assert_true(json_array_size(steps) > 0);
	return steps;
}

static void find_files(const char *pattern, glob_t *found)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", directory, pattern);
	assert_int_equal(glob(path, 0, NULL, found), 0);
}

static void answers_are_as_written(void **state)
{
	glob_t files;

	(void)state;
	find_files("socket/*.json", &files);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		json_t *steps = steps_of(files.gl_pathv[i]), *step;
		char where[640];
		size_t number;

		open_gateway();
		json_array_foreach(steps, number, step)
		{
			snprintf(where, sizeof(where), "%s, step %zu", files.gl_pathv[i], number);
			run_step(step, number, where);
		}
		close_gateway();
		json_decref(steps);
	}
	globfree(&files);
}

/* Completeness, over the files of test_golden too. */

static void note_case(json_t *cases, const json_t *step)
{
	const json_t *request = json_object_get(step, "request");
	const json_t *response = json_object_get(step, "response");
	const char *method =
		json_string_value(json_object_get(request != NULL ? request : step, "method"));
	bool refused = json_object_get(step, "error") != NULL ||
		       json_object_get(step, "refused") != NULL ||
		       json_object_get(response, "error") != NULL;
	json_t *kinds;

	if (method == NULL)
		return;
	kinds = json_object_get(cases, method);
	if (kinds == NULL) {
		kinds = json_object();
		json_object_set_new(cases, method, kinds);
	}
	json_object_set_new(kinds, refused ? "refused" : "answered", json_true());
}

static void note_cases(json_t *cases, const char *pattern)
{
	glob_t files;

	find_files(pattern, &files);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		json_t *steps = steps_of(files.gl_pathv[i]), *step;
		size_t number;

		json_array_foreach(steps, number, step) note_case(cases, step);
		json_decref(steps);
	}
	globfree(&files);
}

/* How many methods a table has. */
static unsigned check_table(const struct rpc_method *table, const json_t *cases)
{
	unsigned count = 0;

	for (; table != NULL && table->name != NULL; table++, count++) {
		const json_t *kinds = json_object_get(cases, table->name);

		if (json_object_get(kinds, "answered") == NULL)
			fail_msg("no golden case answers %s", table->name);
		if (json_object_get(kinds, "refused") == NULL)
			fail_msg("no golden case refuses %s", table->name);
	}
	return count;
}

static void every_method_has_its_cases(void **state)
{
	struct server_config config = {0};
	json_t *cases = json_object();

	(void)state;
	note_cases(cases, "*.json");
	note_cases(cases, "socket/*.json");
	methods_serve(&config);
	for (unsigned socket = 0; socket < SERVER_SOCKETS; socket++) {
		unsigned methods = 0;

		for (unsigned i = 0; i < SERVER_TABLES; i++)
			methods += check_table(config.tables[socket][i], cases);
		assert_true(methods > 0);
	}
	json_decref(cases);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_as_written),
		cmocka_unit_test(every_method_has_its_cases),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: test_methods DIRECTORY\n");
		return 2;
	}
	directory = argv[1];
	log_set_level(LOG_LEVEL_ERROR);
	if (testbed_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
