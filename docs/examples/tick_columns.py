"""Records of an entry of md:ticks with c = columns, once the zstd frame of its rest is undone (docs/streams.md, "By columns")."""
import struct

FULL, LEVELS, ROWS = 184, 10, 256
LAST, LAST_QUANTITY, AVERAGE, VOLUME, BUY, SELL, OPEN, HIGH, LOW, CLOSE, LAST_TRADE, OI, OI_HIGH, OI_LOW, TIME = range(15)
QUANTITY, PRICE, ORDERS = (15 + LEVELS * i for i in range(3))
COLUMNS = 15 + 3 * LEVELS
MASK, MASK64 = 2**32 - 1, 2**64 - 1

def unfold(left):
    return (left >> 1 ^ -(left & 1)) & MASK

def known(left, before):
    return before if left == 0 else left - (left <= before)

def swapped(word):
    return (word << 16 | word >> 16) & MASK

def undo(left, p, time):
    """The numbers of a packet; p: those of the instrument's packet before, None for the first."""
    is_first, v = p is None, [0] * COLUMNS
    p = list(p or [time if i == TIME else 0 for i in range(COLUMNS)])
    unit = 1 if is_first or p[LAST] % 5 else 5
    v[LAST] = unfold(left[LAST]) * unit + p[LAST] & MASK
    for i in (TIME, OI):
        v[i] = unfold(left[i]) + p[i] & MASK
    if is_first:
        for i in (LAST, AVERAGE, OPEN, HIGH, LOW, CLOSE, PRICE, PRICE + 5):
            p[i] = v[LAST]
        p[LAST_TRADE], p[OI_HIGH], p[OI_LOW] = v[TIME], v[OI], v[OI]
        unit = 1 if p[LAST] % 5 else 5
    for i in (AVERAGE, OI_HIGH, OI_LOW):
        v[i] = unfold(left[i]) + p[i] & MASK
    for i in (OPEN, HIGH, LOW, CLOSE, PRICE):
        v[i] = unfold(left[i]) * unit + p[i] & MASK
    v[VOLUME] = left[VOLUME] + p[VOLUME] & MASK
    v[LAST_QUANTITY] = known(left[LAST_QUANTITY], p[LAST_QUANTITY])
    v[LAST_TRADE] = v[TIME] - known(left[LAST_TRADE], v[TIME] - p[LAST_TRADE] & MASK) & MASK
    for i in range(QUANTITY, PRICE):
        v[i] = known(left[i], p[i])
    for i in range(ORDERS, COLUMNS):
        v[i] = swapped(known(left[i], swapped(p[i])))
    v[PRICE + 5] = unfold(left[PRICE + 5]) * unit + v[PRICE] + p[PRICE + 5] - p[PRICE] & MASK
    for side, up in ((0, -1), (1, 1)):
        first = QUANTITY + 5 * side
        v[BUY + side] = unfold(left[BUY + side]) + sum(v[first:first + 5]) + p[BUY + side] - sum(p[first:first + 5]) & MASK
        for i in range(PRICE + 5 * side + 1, PRICE + 5 * side + 5):
            step = up * (p[i] - p[i - 1]) * pow(unit, -1, 2**32) & MASK
            v[i] = v[i - 1] + up * unit * known(left[i], step) & MASK
    return v

def packets(data, count):
    """Full packets, in order."""
    at = 0

    def take(n):
        nonlocal at
        at += n
        return data[at - n:at]

    def bits(n, width):
        whole = int.from_bytes(take((n * width + 7) // 8), "little")
        return [whole >> width * i & (1 << width) - 1 for i in range(n)]

    def chunk(n):
        front = take(1)[0]
        width, shift = front & 63, take(1)[0] if front & 64 else 0
        large, above = take(2) if front & 128 else (0, 0)
        places = take(large)
        high = bits(large, above)
        if n == ROWS:
            words = struct.unpack(f"<{8 * width}I", take(32 * width))
            whole = [sum(word << 32 * i for i, word in enumerate(words[lane::8])) for lane in range(8)]
            numbers = [whole[i % 8] >> width * (i // 8) & (1 << width) - 1 for i in range(n)]
        else:
            numbers = bits(n, width)
        for place, number in zip(places, high):
            numbers[place] |= number << width
        return [number << shift for number in numbers]

    def rows(n, columns):
        all_rows = []
        for begin in range(0, n, ROWS):
            all_rows += zip(*(chunk(min(ROWS, n - begin)) for _ in range(columns)))
        return iter(all_rows)

    tokens, behind, expected = [], {}, 0
    for left, in rows(count, 1):
        token = unfold(left) + expected & MASK
        behind.setdefault(token, token)
        if tokens:
            behind[tokens[-1]] = token
        expected = behind[token]
        tokens.append(token)
    first, last, time = rows(len(behind), COLUMNS), {}, 0
    for token in dict.fromkeys(tokens):
        last[token] = undo(next(first), None, time)
        time = last[token][TIME]
    later, seen = rows(count - len(behind), COLUMNS), set()
    for token in tokens:
        if token in seen:
            last[token] = undo(next(later), last[token], 0)
        seen.add(token)
        v = last[token]
        levels = (struct.pack(">III", *(v[i + n] for i in (QUANTITY, PRICE, ORDERS))) for n in range(LEVELS))
        yield struct.pack(">16I", token, *v[:15]) + b"".join(levels)

def frames(rest):
    """Each record's header, and of its body what lies in the rest, None in the place of a full packet."""
    at, a, b = 4, 0, 0
    while at < len(rest):
        size, count, kind, flags, da, db = struct.unpack_from("<IHBBQQ", rest, at)
        a, b, at = a + da & MASK64, db + a + da + b - a & MASK64, at + 24
        header = struct.pack("<IHBBQQ", size, count, kind & 127, flags, a, b)
        if kind & 128:
            n = size // (2 + FULL)
            yield header, [struct.pack(">H", n)] + [struct.pack(">H", FULL), None] * n
            continue
        parts, left = [], size
        if kind == 1 and left >= 2:
            promised = struct.unpack_from(">H", rest, at)[0]
            parts, at, left = [rest[at:at + 2]], at + 2, left - 2
            while promised and left >= 2:
                n = struct.unpack_from(">H", rest, at)[0]
                parts, at, left = parts + [rest[at:at + 2]], at + 2, left - 2
                if n > left:
                    break
                if n == FULL:
                    parts.append(None)
                else:
                    parts, at = parts + [rest[at:at + n]], at + n
                promised, left = promised - 1, left - n
        parts, at = parts + [rest[at:at + left]], at + left
        yield header, parts

def records(rest, data):
    """rest: the first part of p, decompressed; data: the second."""
    whole = list(frames(rest))
    full = packets(data, sum(parts.count(None) for _, parts in whole))
    out = b"".join(header + b"".join(next(full) if part is None else part for part in parts) for header, parts in whole)
    assert len(out) == struct.unpack_from("<I", rest)[0]
    return out
