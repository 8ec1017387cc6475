-- SPDX-License-Identifier: BSD-3-Clause
--
-- One measurement with Pktgen, for both directions: port 0 is cabled to the gateway's port
-- "cloud", port 1 to its port "backbone". The packets are those of the files given with -s.
--
-- What comes of it goes to standard output and, where TRUNKLINE_PKTGEN_RESULT names a file, to that
-- file: one JSON object a line, with all counters as Pktgen's device has them.
--
-- From the environment:
--   TRUNKLINE_PKTGEN_SECONDS   of each run (10)
--   TRUNKLINE_PKTGEN_RUNS      how many (1)
--   TRUNKLINE_PKTGEN_PPS       packets a second to send, 0: as many as go (0)
--   TRUNKLINE_PKTGEN_STATIONS  frames in the file of the receiving port (6)
--   TRUNKLINE_PKTGEN_RESULT    the file (none)
--   TRUNKLINE_PKTGEN_GO        a file: run number n starts when it holds a number of at least n (none)

local measure = {}

local BURST = 64
local SETTLE_MS = 2600 -- Pktgen reads its devices' counters once a second
local STATIONS_EVERY_S = 5

local function setting(name, otherwise)
	return os.getenv("TRUNKLINE_PKTGEN_" .. name) or otherwise
end

local result = setting("RESULT") and io.open(setting("RESULT"), "w")

-- Ten milliseconds fine; Lua's own clock counts seconds.
local function seconds_now()
	local file = io.open("/proc/uptime")
	local text = file:read("l")
	file:close()
	return tonumber(text:match("^%S+"))
end

local function say(line)
	print(line)
	if result then
		result:write(line, "\n")
		result:flush()
	end
end

local function counters(from, to)
	local sender = pktgen.portStats(tostring(from), "port")[from]
	local receiver = pktgen.portStats(tostring(to), "port")[to]

	return string.format('"sent": %d, "received": %d, "missed": %d', sender.opackets,
		receiver.ipackets, receiver.imissed + receiver.rx_nombuf + receiver.ierrors)
end

local function report(event, run, from, to, more)
	say(string.format('{"event": "%s", "run": %d, %s%s}', event, run, counters(from, to),
		more or ""))
end

-- The stations of the receiving side tell the gateway their MAC addresses.
local function announce(to)
	pktgen.start(tostring(to))
end

local function may_go(run)
	local name = setting("GO")
	local file, number

	if not name then
		return true
	end
	file = io.open(name)
	if not file then
		return false
	end
	number = tonumber(file:read("l") or "")
	file:close()
	return number ~= nil and number >= run
end

local function wait_to_go(run, to)
	local waited = 0

	repeat
		if waited % 1000 == 0 then
			announce(to)
		end
		pktgen.delay(100)
		waited = waited + 100
	until may_go(run) and waited >= 500
end

-- Pktgen counts bursts in processor cycles and starts with what its idea of the link's speed gives.
local function set_pace(from)
	local pps = tonumber(setting("PPS", "0"))
	local debug, cycles = nil, 1

	if pps > 0 then
		debug = pktgen.portInfo(tostring(from))[from].info.tx_debug
		cycles = debug.tx_pps * debug.tx_cycles // pps
	end
	-- A core that serves both ports goes by the first one's number.
	pktgen.set("0,1", "cycles", math.max(1, math.floor(cycles)))
end

local function one_run(run, from, to)
	local seconds = tonumber(setting("SECONDS", "10"))
	local started, stopped

	wait_to_go(run, to)
	pktgen.delay(SETTLE_MS)
	report("begin", run, from, to)
	started = seconds_now()
	pktgen.start(tostring(from))
	for second = 1, seconds do
		if second % STATIONS_EVERY_S == 0 then
			announce(to)
		end
		pktgen.delay(1000)
		report("second", run, from, to)
	end
	pktgen.stop(tostring(from))
	stopped = seconds_now()
	pktgen.delay(SETTLE_MS)
	report("end", run, from, to,
		string.format(', "started": %.2f, "stopped": %.2f', started, stopped))
end

local function all_runs(from, to)
	pktgen.set("0,1", "burst", BURST)
	pktgen.set(tostring(from), "count", 0)
	pktgen.set(tostring(to), "count", tonumber(setting("STATIONS", "6")))
	set_pace(from)
	say(string.format('{"event": "ready", "from": %d, "to": %d}', from, to))
	for run = 1, tonumber(setting("RUNS", "1")) do
		one_run(run, from, to)
	end
	say('{"event": "done"}')
end

-- Sends from one of Pktgen's ports, receives at the other, and ends Pktgen.
function measure.between(from, to)
	local well, trouble = pcall(all_runs, from, to)

	if not well then
		say(string.format('{"event": "trouble", "text": %q}', tostring(trouble)))
	end
	if result then
		result:close()
	end
	pktgen.quit()
end

return measure
