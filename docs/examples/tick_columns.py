"""Records of an entry of md:ticks with c = delta, once its zstd frame is undone (docs/streams.md, "By columns")."""
import struct

FULL, LEVELS = 184, 10
GROUPS = (1, 1, 1, 1, 2, 1, 2, 1, 1, 3, 1, LEVELS, LEVELS, LEVELS, LEVELS)  # numbers of a packet that share a width
LAST, LAST_QUANTITY, AVERAGE, VOLUME, BUY, SELL, OPEN, HIGH, LOW, CLOSE, LAST_TRADE, OI, OI_HIGH, OI_LOW, TIME = range(15)
QUANTITY, PRICE, ORDERS, REST = (15 + LEVELS * i for i in range(4))
PLAIN = AVERAGE, VOLUME, OPEN, HIGH, LOW, CLOSE, OI_HIGH, OI_LOW
MASK, MASK64 = 2**32 - 1, 2**64 - 1

def fold(difference):
    return (difference << 1 ^ -(difference >> 31 & 1)) & MASK

def unfold(left):
    return (left >> 1 ^ -(left & 1)) & MASK

def known(left, before):
    return before if left == 0 else left - (left <= before)

def undo(left, p, time):
    """The numbers of a packet; p: those of the instrument's packet before, None for the first."""
    is_first, v = p is None, [0] * 55
    p = p or [time if i == TIME else 0 for i in range(55)]
    for i in (LAST, TIME, OI):
        v[i] = unfold(left[i]) + p[i] & MASK
    if is_first:
        for i in (AVERAGE, OPEN, HIGH, LOW, CLOSE, PRICE, PRICE + 5):
            p[i] = v[LAST]
        p[LAST_TRADE], p[OI_HIGH], p[OI_LOW] = v[TIME], v[OI], v[OI]
    for i in PLAIN:
        v[i] = unfold(left[i]) + p[i] & MASK
    v[LAST_QUANTITY] = known(left[LAST_QUANTITY], p[LAST_QUANTITY])
    v[LAST_TRADE] = v[TIME] - known(left[LAST_TRADE], v[TIME] - p[LAST_TRADE] & MASK) & MASK
    for i in (*range(QUANTITY, PRICE), *range(ORDERS, 55)):
        v[i] = known(left[i], p[i])
    v[PRICE] = unfold(left[PRICE]) + p[PRICE] & MASK
    v[PRICE + 5] = unfold(left[PRICE + 5]) + v[PRICE] + p[PRICE + 5] - p[PRICE] & MASK
    for side in (0, 1):
        first = QUANTITY + 5 * side
        v[BUY + side] = unfold(left[BUY + side]) + sum(v[first:first + 5]) + p[BUY + side] - sum(p[first:first + 5]) & MASK
        for i in range(PRICE + 5 * side + 1, PRICE + 5 * side + 5):
            v[i] = unfold(known(left[i], fold(p[i] - p[i - 1] & MASK))) + v[i - 1] & MASK
    return v

def packets(data, at, count):
    """Full packets, in order."""
    def numbers(n):
        nonlocal at
        width = data[at]
        planes = [data[at + 1 + n * i:at + 1 + n * (i + 1)] for i in range(width)]
        at += 1 + n * width
        return [sum(byte << 8 * i for i, byte in enumerate(row)) for row in zip(*planes)] if width else [0] * n

    def rows(n):
        columns = []
        for group in GROUPS if n else ():
            both = numbers(group * n)
            columns += (both[i:i + n] for i in range(0, len(both), n))
        return iter(list(zip(*columns)))

    tokens, behind, expected = [], {}, 0
    for left in numbers(count):
        token = unfold(left) + expected & MASK
        behind.setdefault(token, token)
        if tokens:
            behind[tokens[-1]] = token
        expected = behind[token]
        tokens.append(token)
    first, later, last, time = rows(len(behind)), rows(count - len(behind)), {}, 0
    for token in tokens:
        v = undo(next(later if token in last else first), last.get(token), time)
        last[token], time = v, v[TIME]
        levels = (struct.pack(">IIHH", *(v[i + n] for i in (QUANTITY, PRICE, ORDERS, REST))) for n in range(LEVELS))
        yield struct.pack(">16I", token, *v[:15]) + b"".join(levels)

def records(data):
    size, count = struct.unpack_from("<II", data)
    at, end, out, a, b = 8, 8 + size, bytearray(), 0, 0
    full = packets(data, end, count)
    while at < end:
        head = data[at:at + 8]
        da, db = struct.unpack_from("<QQ", data, at + 8)
        a, b = a + da & MASK64, db + a + da + b - a & MASK64
        out += head + struct.pack("<QQ", a, b)
        left, kind, at = struct.unpack_from("<I", head)[0], head[6], at + 24
        if kind == 1 and left >= 2:
            promised = struct.unpack_from(">H", data, at)[0]
            out, at, left = out + data[at:at + 2], at + 2, left - 2
            while promised and left >= 2:
                n = struct.unpack_from(">H", data, at)[0]
                out, at, left = out + data[at:at + 2], at + 2, left - 2
                if n > left:
                    break
                if n == FULL:
                    out += next(full)
                else:
                    out, at = out + data[at:at + n], at + n
                promised, left = promised - 1, left - n
        out, at = out + data[at:at + left], at + left
    return bytes(out)
