/// A pattern for paths as gitignore(5) defines them: `*`, `?` and `[…]` stay inside a path's component, `**/`, `/**` and
/// `/**/` reach across; a backslash takes the next character for itself.
///
/// Names are bytes, as the file system has them. Time is at most the pattern's length times the path's, whatever stars the
/// pattern has.
struct GlobPattern: Sendable {
    private enum Piece: Sendable {
        case byte(UInt8)
        /// `?`
        case any
        case set(ByteSet)
        /// `*`: any bytes but slashes.
        case star
        /// `**` at the end: anything.
        case rest
        /// `**/`: nothing, or …
        case optional
        /// … anything up to and with a slash.
        case folders
    }
    private var pieces: [Piece] = []
    /// A pattern that git takes for broken never matches.
    private var isBroken = false
    /// The pattern, where it means itself.
    private var literal: [UInt8]?
    /// What must come after a single star at the beginning.
    private var suffix: [UInt8]?

    init(_ pattern: some Collection<UInt8>) {
        let text = Array(pattern)
        var index = 0
        func at(_ index: Int) -> UInt8? { text.indices.contains(index) ? text[index] : nil }
        // git compares what comes before the first special character by itself, so `**` right behind it stands first.
        let plainCount = text.prefix { !Array("*?[\\".utf8).contains($0) }.count
        while let byte = at(index) {
            switch byte {
            case UInt8(ascii: "*"):
                let start = index
                while at(index) == UInt8(ascii: "*") { index += 1 }
                let isAfterSlash = start == plainCount || text[start - 1] == UInt8(ascii: "/")
                let isBeforeSlash =
                    at(index) == UInt8(ascii: "/")
                    || at(index) == UInt8(ascii: "\\") && at(index + 1) == UInt8(ascii: "/")
                if index - start == 1 || !isAfterSlash || !(index == text.count || isBeforeSlash) {
                    pieces.append(.star)
                } else if at(index) == UInt8(ascii: "/") {
                    pieces += [.optional, .folders]
                    index += 1
                } else {
                    pieces.append(.rest)
                }
            case UInt8(ascii: "?"):
                pieces.append(.any)
                index += 1
            case UInt8(ascii: "["):
                guard let set = ByteSet(parsing: text, from: &index) else {
                    isBroken = true
                    return
                }
                pieces.append(.set(set))
            default:
                if byte == UInt8(ascii: "\\") { index += 1 }
                guard let plain = at(index) else {
                    isBroken = true
                    return
                }
                pieces.append(.byte(plain))
                index += 1
            }
        }
        func plain(_ pieces: ArraySlice<Piece>) -> [UInt8]? {
            let bytes = pieces.compactMap { if case .byte(let byte) = $0 { byte } else { nil } }
            return bytes.count == pieces.count ? bytes : nil
        }
        literal = plain(pieces[...])
        if case .star? = pieces.first { suffix = plain(pieces.dropFirst()) }
    }

    /// Whether the whole path, slashes between its components, is meant.
    func matches(_ path: ArraySlice<UInt8>) -> Bool {
        if isBroken { return false }
        if let literal { return path.elementsEqual(literal) }
        if let suffix {
            return path.count >= suffix.count && path.suffix(suffix.count).elementsEqual(suffix)
                && !path.dropLast(suffix.count).contains(UInt8(ascii: "/"))
        }
        // All places in the pattern that the path so far can have led to.
        return withUnsafeTemporaryAllocation(of: Bool.self, capacity: 2 * (pieces.count + 1)) { memory in
            memory.initialize(repeating: false)
            var (now, next) = (memory[..<(pieces.count + 1)], memory[(pieces.count + 1)...])
            enter(0, &now)
            for byte in path {
                next.update(repeating: false)
                for (index, piece) in pieces.enumerated() where now[now.startIndex + index] {
                    let isSlash = byte == UInt8(ascii: "/")
                    switch piece {
                    case .byte(let wanted): if byte == wanted { enter(index + 1, &next) }
                    case .any: if !isSlash { enter(index + 1, &next) }
                    case .set(let set): if !isSlash, set.contains(byte) { enter(index + 1, &next) }
                    case .star: if !isSlash { enter(index, &next) }
                    case .rest: enter(index, &next)
                    case .optional: break
                    case .folders:
                        enter(index, &next)
                        if isSlash { enter(index + 1, &next) }
                    }
                }
                swap(&now, &next)
            }
            return now[now.startIndex + pieces.count]
        }
    }

    private func enter(_ place: Int, _ places: inout Slice<UnsafeMutableBufferPointer<Bool>>) {
        guard !places[places.startIndex + place] else { return }
        places[places.startIndex + place] = true
        guard place < pieces.count else { return }
        switch pieces[place] {
        case .star, .rest: enter(place + 1, &places)
        case .optional:
            enter(place + 1, &places)
            enter(place + 2, &places)
        default: break
        }
    }
}

/// The bytes between brackets, in git's reading of POSIX.
private struct ByteSet: Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    func contains(_ byte: UInt8) -> Bool {
        let word =
            switch byte >> 6 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return word >> (byte & 63) & 1 == 1
    }

    private mutating func insert(_ byte: UInt8) {
        let bit = UInt64(1) << (byte & 63)
        switch byte >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    /// Reads a set whose bracket is at `index` and moves behind it; nil where it is not closed or names no class.
    init?(parsing text: [UInt8], from index: inout Int) {
        func at(_ index: Int) -> UInt8? { text.indices.contains(index) ? text[index] : nil }
        var place = index + 1
        let isNegated = at(place) == UInt8(ascii: "!") || at(place) == UInt8(ascii: "^")
        if isNegated { place += 1 }
        var previous: UInt8?
        var isFirst = true
        while isFirst || at(place) != UInt8(ascii: "]") {
            isFirst = false
            guard var byte = at(place) else { return nil }
            var kept: UInt8? = byte
            if byte == UInt8(ascii: "\\") {
                place += 1
                guard let escaped = at(place) else { return nil }
                insert(escaped)
                kept = escaped
            } else if byte == UInt8(ascii: "-"), let first = previous, let last = at(place + 1),
                last != UInt8(ascii: "]")
            {
                place += 1
                byte = last
                if byte == UInt8(ascii: "\\") {
                    place += 1
                    guard let escaped = at(place) else { return nil }
                    byte = escaped
                }
                if first <= byte { for member in first...byte { insert(member) } }
                kept = nil
            } else if byte == UInt8(ascii: "["), at(place + 1) == UInt8(ascii: ":") {
                guard let end = text[(place + 2)...].firstIndex(of: UInt8(ascii: "]")) else { return nil }
                if end > place + 2, text[end - 1] == UInt8(ascii: ":") {
                    let name = String(decoding: text[(place + 2)..<(end - 1)], as: UTF8.self)
                    guard let isMember = Self.classes[name] else { return nil }
                    for member in UInt8.min...127 where isMember(member) { insert(member) }
                    place = end
                    kept = nil
                } else {
                    insert(byte)
                }
            } else {
                insert(byte)
            }
            previous = kept
            place += 1
        }
        if isNegated { words = (~words.0, ~words.1, ~words.2, ~words.3) }
        index = place + 1
    }

    private static let classes: [String: @Sendable (UInt8) -> Bool] = [
        "alnum": { isLetter($0) || isDigit($0) }, "alpha": isLetter, "blank": { $0 == 0x20 || $0 == 0x09 },
        "cntrl": { $0 < 0x20 || $0 == 0x7F }, "digit": isDigit, "graph": { $0 > 0x20 && $0 < 0x7F },
        "lower": { isLetter($0) && $0 >= 0x61 }, "print": { $0 >= 0x20 && $0 < 0x7F },
        "punct": { $0 > 0x20 && $0 < 0x7F && !isLetter($0) && !isDigit($0) },
        "space": { $0 == 0x20 || (0x09...0x0D).contains($0) }, "upper": { isLetter($0) && $0 <= 0x5A },
        "xdigit": { isDigit($0) || (0x41...0x46).contains($0 & 0xDF) },
    ]
    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
