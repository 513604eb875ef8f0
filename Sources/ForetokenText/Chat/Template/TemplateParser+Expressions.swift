import ForetokenFiles

/// Jinja's precedence, from conditionals down to literals.
extension TemplateParser {
    static let constants: Set<String> = ["true", "false", "none", "True", "False", "None"]

    /// One expression, or several with commas between.
    mutating func tuple(
        allowsConditional: Bool = true, inParentheses: Bool = false
    ) throws(TemplateFault) -> Expression {
        let offset = token.offset
        var elements: [Expression] = []
        var isTuple = false
        while true {
            if !elements.isEmpty { try expect(symbol: ",") }
            if [.variableEnd, .blockEnd, .symbol(")")].contains(token.kind) { break }
            elements.append(allowsConditional ? try expression() : try disjunction())
            guard isSymbol(",") else { break }
            isTuple = true
        }
        if isTuple { return .tuple(elements, offset) }
        if let element = elements.first { return element }
        guard inParentheses else { throw expected("an expression") }
        return .tuple([], offset)
    }

    mutating func expression() throws(TemplateFault) -> Expression {
        try enter()
        defer { depth -= 1 }
        let before = unknown
        let offset = token.offset
        var value = try disjunction()
        if skip(name: "if") {
            let test = try disjunction()
            let otherwise = skip(name: "else") ? try expression() : nil
            value = .conditional(test: test, then: value, otherwise: otherwise, offset)
            unknown = before
            guard !isName("if") else {
                throw .unsupported("a second 'if' without brackets or 'else'", at: token.offset)
            }
        }
        return value
    }

    private mutating func disjunction() throws(TemplateFault) -> Expression {
        let first = try conjunction()
        guard isName("or") else { return first }
        var operands = [first]
        while skip(name: "or") { operands.append(try conjunction()) }
        return .or(operands)
    }

    private mutating func conjunction() throws(TemplateFault) -> Expression {
        let first = try negation()
        guard isName("and") else { return first }
        var operands = [first]
        while skip(name: "and") { operands.append(try negation()) }
        return .and(operands)
    }

    private mutating func negation() throws(TemplateFault) -> Expression {
        guard skip(name: "not") else { return try comparison() }
        try enter()
        defer { depth -= 1 }
        return .not(try negation())
    }

    private mutating func comparison() throws(TemplateFault) -> Expression {
        let first = try sum()
        var operands: [Expression.Operand<Expression.Comparison>] = []
        while true {
            let offset = token.offset
            let comparison: Expression.Comparison
            if case .symbol(let symbol) = token.kind, let found = Expression.Comparison(rawValue: symbol) {
                advance()
                comparison = found
            } else if skip(name: "in") {
                comparison = .isIn
            } else if isName("not"), next.kind == .name("in") {
                advance()
                advance()
                comparison = .notIn
            } else {
                return operands.isEmpty ? first : .comparison(first, operands)
            }
            operands.append(Expression.Operand(operator: comparison, expression: try sum(), offset: offset))
        }
    }

    private mutating func sum() throws(TemplateFault) -> Expression {
        let first = try concatenation()
        var operands: [Expression.Operand<Expression.Arithmetic>] = []
        while let (found, offset) = arithmetic([.add, .subtract]) {
            operands.append(Expression.Operand(operator: found, expression: try concatenation(), offset: offset))
        }
        return operands.isEmpty ? first : .arithmetic(first, operands)
    }

    private mutating func concatenation() throws(TemplateFault) -> Expression {
        let offset = token.offset
        let first = try product()
        guard isSymbol("~") else { return first }
        var operands = [first]
        while skip(symbol: "~") { operands.append(try product()) }
        return .concatenation(operands, offset)
    }

    private mutating func product() throws(TemplateFault) -> Expression {
        let first = try power()
        var operands: [Expression.Operand<Expression.Arithmetic>] = []
        while let (found, offset) = arithmetic([.multiply, .divide, .floorDivide, .modulo]) {
            operands.append(Expression.Operand(operator: found, expression: try power(), offset: offset))
        }
        return operands.isEmpty ? first : .arithmetic(first, operands)
    }

    private mutating func power() throws(TemplateFault) -> Expression {
        let first = try unary()
        var operands: [Expression.Operand<Expression.Arithmetic>] = []
        while let (found, offset) = arithmetic([.power]) {
            operands.append(Expression.Operand(operator: found, expression: try unary(), offset: offset))
        }
        return operands.isEmpty ? first : .arithmetic(first, operands)
    }

    /// Passes one of some operators.
    private mutating func arithmetic(_ choices: [Expression.Arithmetic]) -> (Expression.Arithmetic, Int)? {
        guard case .symbol(let symbol) = token.kind, let found = Expression.Arithmetic(rawValue: symbol),
            choices.contains(found)
        else { return nil }
        return (found, advance().offset)
    }

    private mutating func unary(allowsFilters: Bool = true) throws(TemplateFault) -> Expression {
        let offset = token.offset
        let base: Expression
        if isSymbol("-") || isSymbol("+") {
            let isNegative = isSymbol("-")
            advance()
            try enter()
            base = .sign(try unary(allowsFilters: false), isNegative: isNegative, offset)
            depth -= 1
        } else {
            base = try primary()
        }
        var postfixes: [Expression.Postfix] = []
        while let postfix = try postfix() { postfixes.append(postfix) }
        if allowsFilters {
            while true {
                if skip(symbol: "|") {
                    postfixes.append(try filter())
                } else if skip(name: "is") {
                    postfixes.append(try test())
                } else if isSymbol("(") {
                    let offset = token.offset
                    postfixes.append(.call(try arguments(), offset))
                } else {
                    break
                }
            }
        }
        return postfixes.isEmpty ? base : .postfix(base, postfixes)
    }

    mutating func primary() throws(TemplateFault) -> Expression {
        let offset = token.offset
        switch token.kind {
        case .name(let name):
            advance()
            switch name {
            case "true", "True": return .constant(.bool(true))
            case "false", "False": return .constant(.bool(false))
            case "none", "None": return .constant(.none)
            default:
                names.insert(name)
                return .name(name, offset)
            }
        case .string(let first):
            advance()
            var bytes = first
            while case .string(let more) = token.kind {
                bytes += more
                advance()
            }
            return .constant(.text(MarkedText(bytes)))
        case .integer(let value):
            advance()
            return .constant(.integer(value))
        case .float(let value):
            advance()
            return .constant(.float(value))
        case .symbol("("):
            advance()
            let value = try tuple(inParentheses: true)
            try expect(symbol: ")")
            return value
        case .symbol("["):
            advance()
            var elements: [Expression] = []
            while !isSymbol("]") {
                if !elements.isEmpty { try expect(symbol: ",") }
                if isSymbol("]") { break }
                elements.append(try expression())
            }
            advance()
            return .list(elements, offset)
        case .symbol("{"):
            advance()
            var entries: [Expression.Entry] = []
            while !isSymbol("}") {
                if !entries.isEmpty { try expect(symbol: ",") }
                if isSymbol("}") { break }
                let key = try expression()
                try expect(symbol: ":")
                entries.append(Expression.Entry(key: key, value: try expression()))
            }
            advance()
            return .dictionary(entries, offset)
        default: throw expected("an expression")
        }
    }
}
