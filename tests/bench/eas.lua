-- Load for wrk: ActiveSync Pings of many devices, each with its owner's
-- credentials; DEVICES and FIRST come from the environment.
local devices = tonumber(os.getenv("DEVICES"))
local body = string.rep("x", 40)
local requests = {}
local i = 0

function init(args)
    for n = 1, devices do
        local id = string.format(os.getenv("DEVICE_FORMAT"), n)
        requests[n] = wrk.format("POST",
            "/Microsoft-Server-ActiveSync?Cmd=Ping&User=alice&DeviceId=" .. id
            .. "&DeviceType=iPhone",
            { ["Authorization"] = os.getenv("AUTHORIZATION"),
              ["Content-Type"] = "application/vnd.ms-sync.wbxml",
              ["MS-ASProtocolVersion"] = "14.1",
              ["User-Agent"] = "Apple-iPhone/1801.1" }, body)
    end
end

function request()
    i = i % devices + 1
    return requests[i]
end
