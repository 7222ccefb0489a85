"""WBXML of ActiveSync, both ways, for the code pages the client needs (MS-ASWBXML).

A document is a tree of (tag, children) and (tag, "text") tuples; bytes stand for opaque data. The
tag's code page comes with its name: "FolderHierarchy:FolderSync". Tags not in the tables below
decode to names like "2:0x15".
"""

SWITCH_PAGE, END, STR_I, OPAQUE = 0x00, 0x01, 0x03, 0xC3
HAS_CONTENT = 0x40
HEADER = bytes((0x03, 0x01, 0x6A, 0x00))    # WBXML 1.3, unknown public id, UTF-8, no string table

PAGES = {
    0: ("AirSync", {
        0x05: "Sync", 0x06: "Responses", 0x07: "Add", 0x08: "Change", 0x09: "Delete",
        0x0A: "Fetch", 0x0B: "SyncKey", 0x0C: "ClientId", 0x0D: "ServerId", 0x0E: "Status",
        0x0F: "Collection", 0x10: "Class", 0x12: "CollectionId", 0x13: "GetChanges",
        0x14: "MoreAvailable", 0x15: "WindowSize", 0x16: "Commands", 0x17: "Options",
        0x18: "FilterType", 0x1B: "Conflict", 0x1C: "Collections", 0x1D: "ApplicationData",
        0x1E: "DeletesAsMoves", 0x20: "Supported", 0x21: "SoftDelete", 0x22: "MIMESupport",
        0x23: "MIMETruncation", 0x24: "Wait", 0x25: "Limit", 0x26: "Partial",
        0x27: "ConversationMode", 0x28: "MaxItems", 0x29: "HeartbeatInterval"}),
    2: ("Email", {
        0x0F: "DateReceived", 0x11: "DisplayTo", 0x12: "Importance", 0x13: "MessageClass",
        0x14: "Subject", 0x15: "Read", 0x16: "To", 0x17: "Cc", 0x18: "From", 0x19: "ReplyTo",
        0x35: "ThreadTopic", 0x39: "InternetCPID", 0x3A: "Flag", 0x3C: "ContentClass"}),
    5: ("Move", {
        0x05: "MoveItems", 0x06: "Move", 0x07: "SrcMsgId", 0x08: "SrcFldId", 0x09: "DstFldId",
        0x0A: "Response", 0x0B: "Status", 0x0C: "DstMsgId"}),
    6: ("GetItemEstimate", {
        0x05: "GetItemEstimate", 0x07: "Collections", 0x08: "Collection", 0x09: "Class",
        0x0A: "CollectionId", 0x0C: "Estimate", 0x0D: "Response", 0x0E: "Status"}),
    7: ("FolderHierarchy", {
        0x05: "Folders", 0x06: "Folder", 0x07: "DisplayName", 0x08: "ServerId", 0x09: "ParentId",
        0x0A: "Type", 0x0C: "Status", 0x0E: "Changes", 0x0F: "Add", 0x10: "Delete",
        0x11: "Update", 0x12: "SyncKey", 0x13: "FolderCreate", 0x14: "FolderDelete",
        0x15: "FolderUpdate", 0x16: "FolderSync", 0x17: "Count"}),
    13: ("Ping", {
        0x05: "Ping", 0x07: "Status", 0x08: "HeartbeatInterval", 0x09: "Folders", 0x0A: "Folder",
        0x0B: "Id", 0x0C: "Class", 0x0D: "MaxFolders"}),
    14: ("Provision", {
        0x05: "Provision", 0x06: "Policies", 0x07: "Policy", 0x08: "PolicyType", 0x09: "PolicyKey",
        0x0A: "Data", 0x0B: "Status", 0x0C: "RemoteWipe", 0x0D: "EASProvisionDoc"}),
    17: ("AirSyncBase", {
        0x05: "BodyPreference", 0x06: "Type", 0x07: "TruncationSize", 0x08: "AllOrNone",
        0x0A: "Body", 0x0B: "Data", 0x0C: "EstimatedDataSize", 0x0D: "Truncated",
        0x0E: "Attachments", 0x0F: "Attachment", 0x16: "NativeBodyType", 0x17: "ContentType"}),
    18: ("Settings", {
        0x05: "Settings", 0x06: "Status", 0x07: "Get", 0x08: "Set", 0x16: "DeviceInformation",
        0x17: "Model", 0x19: "FriendlyName", 0x1A: "OS", 0x1B: "OSLanguage", 0x1D: "UserInformation"}),
    15: ("Search", {0x05: "Search", 0x07: "Store", 0x08: "Name", 0x09: "Query", 0x0C: "Status",
                    0x0D: "Response", 0x0E: "Result", 0x10: "Total"}),
    20: ("ItemOperations", {0x05: "ItemOperations", 0x06: "Fetch", 0x07: "Store", 0x0D: "Status",
                            0x0E: "Response"}),
    21: ("ComposeMail", {
        0x05: "SendMail", 0x06: "SmartForward", 0x07: "SmartReply", 0x08: "SaveInSentItems",
        0x0B: "Source", 0x0C: "FolderId", 0x0D: "ItemId", 0x10: "MIME", 0x11: "ClientId",
        0x12: "Status"}),
}
CODES = {f"{prefix}:{name}": (page, code)
         for page, (prefix, tags) in PAGES.items() for code, name in tags.items()}


class WbxmlError(ValueError):
    pass


def encode(tree):
    out = bytearray(HEADER)
    _encode(tree, out, 0)
    return bytes(out)


def _encode(node, out, page):
    tag, content = node
    new_page, code = CODES[tag]
    if new_page != page:
        out += bytes((SWITCH_PAGE, new_page))
    if content in (None, "", [], ()):
        out.append(code)
        return new_page
    out.append(code | HAS_CONTENT)
    page = new_page
    if isinstance(content, bytes):
        out.append(OPAQUE)
        out += _multibyte(len(content)) + content
    elif isinstance(content, str):
        out.append(STR_I)
        out += content.encode() + b"\0"
    else:
        for child in content:
            page = _encode(child, out, page)
    out.append(END)
    return page


def _multibyte(number):
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(0x80 | number & 0x7F)
    return bytes(reversed(out))


def decode(data):
    """The tree; WbxmlError where the bytes are not one whole document."""
    if data[:1] not in (b"\x01", b"\x02", b"\x03") or len(data) < 5 or data[3]:
        raise WbxmlError(f"not WBXML: {data[:16].hex()}")
    page, stack, position = 0, [("", [])], 4
    try:
        while position < len(data):
            token = data[position]
            position += 1
            if token == SWITCH_PAGE:
                page = data[position]
                position += 1
            elif token == END:
                tag, content = stack.pop()
                stack[-1][1].append(_node(tag, content))
            elif token == STR_I:
                end = data.index(0, position)
                stack[-1][1].append(data[position:end].decode("utf-8", "replace"))
                position = end + 1
            elif token == OPAQUE:
                length = 0
                while True:
                    octet = data[position]
                    position += 1
                    length = length << 7 | octet & 0x7F
                    if not octet & 0x80:
                        break
                if position + length > len(data):
                    raise WbxmlError("opaque data cut short")
                stack[-1][1].append(data[position:position + length])
                position += length
            else:
                tag = _tag(page, token & 0x3F)
                if token & HAS_CONTENT:
                    stack.append((tag, []))
                else:
                    stack[-1][1].append((tag, ""))
    except (IndexError, ValueError) as e:
        raise WbxmlError(f"damaged WBXML at byte {position}: {e}") from e
    if len(stack) != 1 or len(stack[0][1]) != 1:
        raise WbxmlError("WBXML ends inside an element")
    return stack[0][1][0]


def _tag(page, code):
    prefix, tags = PAGES.get(page, (str(page), {}))
    return f"{prefix}:{tags.get(code, hex(code))}"


def _node(tag, content):
    if len(content) == 1 and isinstance(content[0], (str, bytes)):
        return tag, content[0]
    return tag, content


def find_all(node, *path):
    """Every descendant reached by the tag names of the path, each without its page's name.
    The first name may stand at any depth, those after it are children."""
    found = []
    tag, content = node
    children = [c for c in content if isinstance(c, tuple)] if isinstance(content, list) else []
    if tag.split(":", 1)[1] == path[0]:
        if len(path) == 1:
            found.append(node)
        else:
            for child in children:
                if child[0].split(":", 1)[1] == path[1]:
                    found += find_all(child, *path[1:])
    for child in children:
        found += find_all(child, *path)
    return found


def text(node, *path, default=None):
    """The text of the first element at the path."""
    for _, content in find_all(node, *path):
        if isinstance(content, bytes):
            return content.decode("utf-8", "replace")
        return content if isinstance(content, str) else ""
    return default
