import ForetokenFiles

/// A recursive-descent parser with Jinja's grammar; see the extensions for statements and expressions.
struct TemplateParser {
    /// Brackets and blocks nested deeper are refused; Python gives up near 70 brackets.
    static let depthLimit = 64

    let tokens: [TemplateToken]
    var index = 0
    var depth = 0
    /// The `for` loops around the current position, up to the next macro.
    var loopDepth = 0
    /// The `for` loops around the current position, macros or not.
    var outerLoopDepth = 0
    /// Names read since the last macro began, for its special variables.
    var names: Set<String> = []
    /// Filters and tests that are not known. Jinja allows them in `if` as long as they are not reached, unless a loop or other
    /// body is between.
    var unknown: [(feature: String, offset: Int)] = []
    var refused: [(feature: String, offset: Int)] = []

    static func parse(_ source: [UInt8]) throws(TemplateFault) -> [Statement] {
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: source))
        let statements = try parser.statements(until: [])
        if let unknown = (parser.refused + parser.unknown).min(by: { $0.offset < $1.offset }) {
            throw .unsupported(unknown.feature, at: unknown.offset)
        }
        return statements
    }

    private init(tokens: [TemplateToken]) {
        self.tokens = tokens
    }

    var token: TemplateToken { tokens[index] }

    /// The token after the current one.
    var next: TemplateToken { tokens[min(index + 1, tokens.count - 1)] }

    @discardableResult
    mutating func advance() -> TemplateToken {
        let token = tokens[index]
        if index < tokens.count - 1 { index += 1 }
        return token
    }

    func isSymbol(_ symbol: String) -> Bool { token.kind == .symbol(symbol) }

    func isName(_ name: String) -> Bool { token.kind == .name(name) }

    mutating func skip(symbol: String) -> Bool {
        guard isSymbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func skip(name: String) -> Bool {
        guard isName(name) else { return false }
        advance()
        return true
    }

    mutating func expect(symbol: String) throws(TemplateFault) {
        guard skip(symbol: symbol) else { throw expected("'\(symbol)'") }
    }

    mutating func expect(name: String) throws(TemplateFault) {
        guard skip(name: name) else { throw expected("'\(name)'") }
    }

    mutating func expect(_ kind: TemplateToken.Kind, _ shown: String) throws(TemplateFault) {
        guard token.kind == kind else { throw expected(shown) }
        advance()
    }

    mutating func name(_ shown: String = "a name") throws(TemplateFault) -> String {
        guard case .name(let name) = token.kind else { throw expected(shown) }
        advance()
        return name
    }

    func expected(_ shown: String) -> TemplateFault {
        .syntax("expected \(shown), found \(token.text)", at: token.offset)
    }

    /// Enters a bracket or block; the caller leaves it with `depth -= 1`.
    mutating func enter() throws(TemplateFault) {
        depth += 1
        guard depth <= Self.depthLimit else {
            throw .limit("brackets or blocks are nested deeper than \(Self.depthLimit) levels", at: token.offset)
        }
    }
}
