/// Parses the regular expressions of pre-tokenizers, in the syntax of Oniguruma (Ruby), with which Hugging Face's library reads them.
///
/// What is not supported is refused: capture groups' references, look-behind, scripts (`\p{Han}`), classes of ranges and other
/// letters than ASCII's without regard to case.
struct PatternParser {
    private let text: [Unicode.Scalar]
    private var position = 0
    private var depth = 0

    private static let longest = 20_000
    private static let deepest = 50

    /// Parses a pattern.
    ///
    /// - Throws: ``PatternError``.
    static func parse(_ pattern: String) throws(PatternError) -> PatternNode {
        var parser = PatternParser(text: Array(pattern.unicodeScalars))
        guard parser.text.count <= longest else { throw PatternError(reason: "more than \(longest) characters") }
        let node = try parser.choice(ignoresCase: false)
        guard parser.isAtEnd else { throw PatternError(reason: "an unmatched ')'") }
        return node
    }

    private init(text: [Unicode.Scalar]) { self.text = text }

    private var isAtEnd: Bool { position == text.count }
    private var next: Unicode.Scalar? { position < text.count ? text[position] : nil }

    private func starts(_ prefix: String) -> Bool { text[position...].starts(with: prefix.unicodeScalars) }

    private mutating func take(_ prefix: String) -> Bool {
        guard starts(prefix) else { return false }
        position += prefix.unicodeScalars.count
        return true
    }

    private mutating func takeAny() throws(PatternError) -> Unicode.Scalar {
        guard let scalar = next else { throw PatternError(reason: "it ends early") }
        position += 1
        return scalar
    }

    private mutating func nested<Result>(
        _ body: (inout Self) throws(PatternError) -> Result
    ) throws(PatternError) -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else {
            throw PatternError(reason: "more than \(Self.deepest) groups in each other")
        }
        return try body(&self)
    }

    // MARK: Alternatives, sequences and repetitions

    private mutating func choice(ignoresCase: Bool) throws(PatternError) -> PatternNode {
        var nodes = [try sequence(ignoresCase: ignoresCase)]
        while take("|") { nodes.append(try sequence(ignoresCase: ignoresCase)) }
        return nodes.count == 1 ? nodes[0] : .choice(nodes)
    }

    private mutating func sequence(ignoresCase: Bool) throws(PatternError) -> PatternNode {
        var nodes: [PatternNode] = []
        let start = position
        while let scalar = next, scalar != "|", scalar != ")" {
            nodes.append(try repeated(try atom(ignoresCase: ignoresCase)))
        }
        if ignoresCase { try requireNoLigature(start..<position) }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    /// Without regard to case, ß matches `ss`, and ligatures their letters.
    private func requireNoLigature(_ range: Range<Int>) throws(PatternError) {
        for (first, second) in zip(text[range], text[range].dropFirst()) {
            let pair = "\(first)\(second)".lowercased()
            if ["ss", "st", "ff", "fi", "fl"].contains(pair) {
                throw PatternError(reason: "'\(pair)' without regard to case")
            }
        }
    }

    private mutating func repeated(_ atom: PatternNode) throws(PatternError) -> PatternNode {
        var node = atom
        while let (least, most, isBraced) = try quantifier() {
            guard !node.isNullable else { throw PatternError(reason: "a repetition of what may be empty") }
            var greed = PatternNode.Greed.greedy
            if !isBraced, take("+") {
                greed = .possessive
            } else if take("?") {
                // In Ruby's syntax, `{n}?` means `(?:…{n})?`.
                guard !isBraced else { throw PatternError(reason: "'{…}?'") }
                greed = .lazy
            }
            node = .repetition(node, least: least, most: most, greed)
        }
        return node
    }

    private mutating func quantifier() throws(PatternError) -> (least: Int, most: Int?, isBraced: Bool)? {
        if take("*") { return (0, nil, false) }
        if take("+") { return (1, nil, false) }
        if take("?") { return (0, 1, false) }
        guard take("{") else { return nil }
        let least = try number()
        var most = least
        if take(",") { most = try number() }
        guard take("}"), least != nil || most != nil else { throw PatternError(reason: "'{' without a repetition") }
        let isExact = least != nil && most == least
        if let least, let most, most < least { throw PatternError(reason: "'{\(least),\(most)}'") }
        return (least ?? 0, isExact ? least : most, true)
    }

    private mutating func number() throws(PatternError) -> Int? {
        var value: Int?
        while let scalar = next, ("0"..."9").contains(scalar) {
            position += 1
            let digit = Int(scalar.value - 0x30)
            guard (value ?? 0) < 10_000 else { throw PatternError(reason: "a repetition of more than 99999") }
            value = (value ?? 0) * 10 + digit
        }
        return value
    }

    // MARK: Atoms

    private mutating func atom(ignoresCase: Bool) throws(PatternError) -> PatternNode {
        let scalar = try takeAny()
        switch scalar {
        case "(": return try group(ignoresCase: ignoresCase)
        case "[":
            let rule = try nested { parser throws(PatternError) in try parser.characterClass() }
            return .character(ignoresCase ? try withoutCase(rule) : rule)
        case ".": return .character(.not(.character(0x0A)))
        case "^": return .assertion(.startOfLine)
        case "$": return .assertion(.endOfLine)
        case "*", "+", "?", "{", "}", "]": throw PatternError(reason: "'\(scalar)' without something before it")
        case "\\":
            switch next {
            case "b": return try assertion(.wordBoundary)
            case "B": return try assertion(.noWordBoundary)
            case "A": return try assertion(.startOfText)
            case "z": return try assertion(.endOfText)
            default: return .character(try escape(ignoresCase: ignoresCase))
            }
        default: return .character(try literal(scalar, ignoresCase: ignoresCase))
        }
    }

    private mutating func assertion(_ assertion: PatternAssertion) throws(PatternError) -> PatternNode {
        position += 1
        return .assertion(assertion)
    }

    private mutating func group(ignoresCase: Bool) throws(PatternError) -> PatternNode {
        try nested { parser throws(PatternError) in
            var ignoresCase = ignoresCase
            var wrap: (PatternNode) -> PatternNode = { $0 }
            if parser.take("?:") {
            } else if parser.take("?i:") {
                ignoresCase = true
            } else if parser.take("?=") {
                wrap = { .lookahead($0, isNegative: false) }
            } else if parser.take("?!") {
                wrap = { .lookahead($0, isNegative: true) }
            } else if parser.take("?>") {
                wrap = { .atomic($0) }
            } else if parser.starts("?") {
                throw PatternError(
                    reason: "'(\(String(String.UnicodeScalarView(parser.text[parser.position...].prefix(3))))'")
            }
            let node = try parser.choice(ignoresCase: ignoresCase)
            guard parser.take(")") else { throw PatternError(reason: "a '(' without ')'") }
            return wrap(node)
        }
    }

    /// A class of single characters without regard to case.
    private func withoutCase(_ rule: CharacterRule) throws(PatternError) -> CharacterRule {
        var members: [CharacterRule] = [rule]
        if case .union(let rules) = rule { members = rules }
        var result: [CharacterRule] = []
        for member in members {
            guard case .range(let range) = member, range.count == 1, let scalar = Unicode.Scalar(range.lowerBound)
            else {
                throw PatternError(reason: "a class without regard to case")
            }
            result.append(try literal(scalar, ignoresCase: true))
        }
        return .union(result)
    }

    private func literal(_ scalar: Unicode.Scalar, ignoresCase: Bool) throws(PatternError) -> CharacterRule {
        guard ignoresCase else { return .character(scalar.value) }
        guard scalar.isASCII else { throw PatternError(reason: "'\(scalar)' without regard to case") }
        let lower = scalar.value | 0x20
        guard (0x61...0x7A).contains(lower) else { return .character(scalar.value) }
        // Long s and the Kelvin sign.
        let other: [UInt32] = lower == 0x73 ? [0x17F] : lower == 0x6B ? [0x212A] : []
        return .union(([lower, lower & ~0x20] + other).map { .character($0) })
    }

    /// What follows a backslash.
    private mutating func escape(ignoresCase: Bool = false) throws(PatternError) -> CharacterRule {
        let scalar = try takeAny()
        switch scalar {
        case "s": return .space
        case "S": return .not(.space)
        case "w": return .word
        case "W": return .not(.word)
        case "d": return .categories(GeneralCategories.mask(of: "Nd") ?? 0)
        case "D": return .not(.categories(GeneralCategories.mask(of: "Nd") ?? 0))
        case "n": return .character(0x0A)
        case "r": return .character(0x0D)
        case "t": return .character(0x09)
        case "f": return .character(0x0C)
        case "v": return .character(0x0B)
        case "p": return try property(isNegative: false)
        case "P": return try property(isNegative: true)
        case "x": return .character(try hexadecimal(take("{") ? nil : 2))
        case "u": return .character(try hexadecimal(4))
        case _ where scalar.isASCII && !scalar.properties.isAlphabetic && !("0"..."9").contains(scalar):
            return .character(scalar.value)
        default: throw PatternError(reason: "'\\\(scalar)'")
        }
    }

    private mutating func hexadecimal(_ digits: Int?) throws(PatternError) -> UInt32 {
        var (value, count): (UInt32, Int) = (0, 0)
        while count < digits ?? 8, let digit = next.flatMap({ Character($0).hexDigitValue }), next?.isASCII ?? false {
            (value, count) = (value << 4 | UInt32(digit), count + 1)
            position += 1
        }
        guard count == digits ?? count, count > 0, Unicode.Scalar(value) != nil, digits != nil || take("}") else {
            throw PatternError(reason: "a wrong hexadecimal number")
        }
        return value
    }

    private mutating func property(isNegative: Bool) throws(PatternError) -> CharacterRule {
        guard take("{"), let end = text[position...].firstIndex(of: "}"), end - position < 40 else {
            throw PatternError(reason: "'\\p' without a name")
        }
        let isNegative = take("^") != isNegative
        let name = String(String.UnicodeScalarView(text[position..<end]))
        position = end + 1
        guard let mask = GeneralCategories.mask(of: name) else { throw PatternError(reason: "'\\p{\(name)}'") }
        return isNegative ? .not(.categories(mask)) : .categories(mask)
    }

    // MARK: Classes

    /// The rest of `[…]`.
    private mutating func characterClass() throws(PatternError) -> CharacterRule {
        let isNegative = take("^")
        var rules: [CharacterRule] = []
        var intersected: CharacterRule?
        func union() -> CharacterRule { rules.count == 1 ? rules[0] : .union(rules) }
        if next == "]" { throw PatternError(reason: "a class that begins with ']'") }
        while !take("]") {
            if take("&&") {
                intersected = intersected.map { .intersection($0, union()) } ?? union()
                rules = []
                continue
            }
            if starts("[:") { throw PatternError(reason: "'[:'") }
            if take("[") {
                rules.append(try nested { parser throws(PatternError) in try parser.characterClass() })
                continue
            }
            let first = try member()
            guard next == "-", position + 1 < text.count, text[position + 1] != "]" else {
                rules.append(first)
                continue
            }
            position += 1
            guard case .range(let low) = first, low.count == 1, next != "[", !starts("&&"),
                case .range(let high) = try member(), low.lowerBound <= high.lowerBound
            else { throw PatternError(reason: "a wrong range in a class") }
            rules.append(.range(low.lowerBound...high.lowerBound))
        }
        let rule = intersected.map { .intersection($0, union()) } ?? union()
        return isNegative ? .not(rule) : rule
    }

    private mutating func member() throws(PatternError) -> CharacterRule {
        let scalar = try takeAny()
        return scalar == "\\" ? try escape() : .character(scalar.value)
    }
}
