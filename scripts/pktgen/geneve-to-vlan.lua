-- SPDX-License-Identifier: BSD-3-Clause
--
-- Tunnelled packets into the gateway's port "backbone", customers' tagged packets out of "cloud".
-- Settings: see measure.lua.

package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
require("measure").between(1, 0)
