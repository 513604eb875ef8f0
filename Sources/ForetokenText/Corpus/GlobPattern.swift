/// A path pattern as defined in gitignore(5): `*`, `?` and `[…]` match within a path component, `**/`, `/**` and `/**/` across
/// components; a backslash escapes the next character.
///
/// Works on bytes, since file names need not be UTF-8. Matching takes time proportional to the length of the pattern times that of
/// the path at most, however many stars the pattern has.
struct GlobPattern: Sendable {
    private enum Piece: Sendable {
        case byte(UInt8)
        /// `?`
        case any
        case set(ByteSet)
        /// `*`: any bytes but slashes.
        case star
        /// `**` at the end: anything.
        case anySuffix
        /// The first part of `**/`: allows skipping `folders`.
        case optional
        /// The second part of `**/`: anything up to and including a slash.
        case folders
    }
    private var pieces: [Piece] = []
    /// Whether git considers the pattern invalid; it never matches then.
    private var isInvalid = false
    /// The text to match, for a pattern without special characters.
    private var literal: [UInt8]?
    /// The text after the star, for a pattern whose only special character is a star at the start.
    private var suffix: [UInt8]?

    init(_ pattern: some Collection<UInt8>) {
        let text = Array(pattern)
        var index = 0
        func at(_ index: Int) -> UInt8? { text.indices.contains(index) ? text[index] : nil }
        // git compares the part before the first special character literally, so a `**` directly after it counts as being at the
        // start.
        let literalCount = text.prefix { !Array("*?[\\".utf8).contains($0) }.count
        while let byte = at(index) {
            switch byte {
            case UInt8(ascii: "*"):
                let start = index
                while at(index) == UInt8(ascii: "*") { index += 1 }
                let isAfterSlash = start == literalCount || text[start - 1] == UInt8(ascii: "/")
                let isBeforeSlash =
                    at(index) == UInt8(ascii: "/")
                    || at(index) == UInt8(ascii: "\\") && at(index + 1) == UInt8(ascii: "/")
                if index - start == 1 || !isAfterSlash || !(index == text.count || isBeforeSlash) {
                    pieces.append(.star)
                } else if at(index) == UInt8(ascii: "/") {
                    pieces += [.optional, .folders]
                    index += 1
                } else {
                    pieces.append(.anySuffix)
                }
            case UInt8(ascii: "?"):
                pieces.append(.any)
                index += 1
            case UInt8(ascii: "["):
                guard let set = ByteSet(parsing: text, from: &index) else {
                    isInvalid = true
                    return
                }
                pieces.append(.set(set))
            default:
                if byte == UInt8(ascii: "\\") { index += 1 }
                guard let literalByte = at(index) else {
                    isInvalid = true
                    return
                }
                pieces.append(.byte(literalByte))
                index += 1
            }
        }
        func literalBytes(_ pieces: ArraySlice<Piece>) -> [UInt8]? {
            let bytes = pieces.compactMap { if case .byte(let byte) = $0 { byte } else { nil } }
            return bytes.count == pieces.count ? bytes : nil
        }
        literal = literalBytes(pieces[...])
        if case .star? = pieces.first { suffix = literalBytes(pieces.dropFirst()) }
    }

    /// Whether the pattern matches the whole path, whose components are separated by slashes.
    func matches(_ path: ArraySlice<UInt8>) -> Bool {
        if isInvalid { return false }
        if let literal { return path.elementsEqual(literal) }
        if let suffix {
            return path.count >= suffix.count && path.suffix(suffix.count).elementsEqual(suffix)
                && !path.dropLast(suffix.count).contains(UInt8(ascii: "/"))
        }
        // Simulates a nondeterministic automaton: `now` is the set of pattern positions reachable with the path so far.
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
                    case .anySuffix: enter(index, &next)
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

    /// Adds a state and those reachable from it without input.
    private func enter(_ state: Int, _ states: inout Slice<UnsafeMutableBufferPointer<Bool>>) {
        guard !states[states.startIndex + state] else { return }
        states[states.startIndex + state] = true
        guard state < pieces.count else { return }
        switch pieces[state] {
        case .star, .anySuffix: enter(state + 1, &states)
        case .optional:
            enter(state + 1, &states)
            enter(state + 2, &states)
        default: break
        }
    }
}

/// A bracket expression, with git's interpretation of POSIX.
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

    /// Parses a set whose bracket is at `index`, and advances `index` past it; nil if it is not closed or names an unknown class.
    init?(parsing text: [UInt8], from index: inout Int) {
        func at(_ index: Int) -> UInt8? { text.indices.contains(index) ? text[index] : nil }
        var position = index + 1
        let isNegated = at(position) == UInt8(ascii: "!") || at(position) == UInt8(ascii: "^")
        if isNegated { position += 1 }
        var previous: UInt8?
        var isFirst = true
        while isFirst || at(position) != UInt8(ascii: "]") {
            isFirst = false
            guard var byte = at(position) else { return nil }
            var kept: UInt8? = byte
            if byte == UInt8(ascii: "\\") {
                position += 1
                guard let escaped = at(position) else { return nil }
                insert(escaped)
                kept = escaped
            } else if byte == UInt8(ascii: "-"), let first = previous, let last = at(position + 1),
                last != UInt8(ascii: "]")
            {
                position += 1
                byte = last
                if byte == UInt8(ascii: "\\") {
                    position += 1
                    guard let escaped = at(position) else { return nil }
                    byte = escaped
                }
                if first <= byte { for member in first...byte { insert(member) } }
                kept = nil
            } else if byte == UInt8(ascii: "["), at(position + 1) == UInt8(ascii: ":") {
                guard let end = text[(position + 2)...].firstIndex(of: UInt8(ascii: "]")) else { return nil }
                if end > position + 2, text[end - 1] == UInt8(ascii: ":") {
                    let name = String(decoding: text[(position + 2)..<(end - 1)], as: UTF8.self)
                    guard let isMember = Self.classes[name] else { return nil }
                    for member in UInt8.min...127 where isMember(member) { insert(member) }
                    position = end
                    kept = nil
                } else {
                    insert(byte)
                }
            } else {
                insert(byte)
            }
            previous = kept
            position += 1
        }
        if isNegated { words = (~words.0, ~words.1, ~words.2, ~words.3) }
        index = position + 1
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
