-- Gets paths, one after the other, from a file of one path a line.
--
--   wrk … URL -- FILE

local requests = {}
local number = 0

function init(args)
  for path in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
end

function request()
  number = number % #requests + 1
  return requests[number]
end

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "summary.lua")
