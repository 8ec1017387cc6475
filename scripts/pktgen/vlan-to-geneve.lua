-- SPDX-License-Identifier: BSD-3-Clause
--
-- Customers' tagged packets into the gateway's port "cloud", tunnelled packets out of "backbone".
-- Settings: see measure.lua.

package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
require("measure").between(0, 1)
