-- Posts entries of 200 printable characters, no two the same.
--
--   wrk … URL -- RUN LINES
--
-- RUN: six characters that no other run has. LINES: entries in a request; one goes as
-- application/octet-stream, more go as NDJSON. The result is printed as JSON.
--
-- An entry starts with RUN and the number of its request; the rest is random. So that
-- the load generator costs little beside the server, the rest is made once.

local ENTRY_SIZE = 200

local run, head, pieces
local number = 0

local function random_text(size)
  local characters = {}
  for i = 1, size do
    characters[i] = string.char(math.random(33, 126))
  end
  return table.concat(characters)
end

local function prefix()
  number = number + 1
  return string.format("%s%06x", run, number)
end

function init(args)
  run = args[1]
  local lines = tonumber(args[2])
  local terminator = lines == 1 and "" or "\n"
  pieces = {}
  for line = 1, lines do
    pieces[2 * line] = random_text(ENTRY_SIZE - #prefix()) .. terminator
  end
  wrk.headers["Content-Type"] =
    lines == 1 and "application/octet-stream" or "application/x-ndjson"
  -- All bodies are as long as this one: what stands before it serves them all.
  local body = string.rep(" ", lines * (ENTRY_SIZE + #terminator))
  head = wrk.format("POST", nil, nil, body):sub(1, -1 - #body)
end

function request()
  local text = prefix()
  for piece = 1, #pieces, 2 do
    pieces[piece] = text
  end
  return head .. table.concat(pieces)
end

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "summary.lua")
