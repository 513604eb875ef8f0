import ForetokenFiles

/// Attributes, subscripts, calls, filters and tests.
extension TemplateParser {
    /// An attribute, subscript or call, if one follows.
    mutating func postfix() throws(TemplateFault) -> Expression.Postfix? {
        let offset = token.offset
        if skip(symbol: ".") {
            switch token.kind {
            case .name(let name):
                advance()
                return .attribute(name, offset)
            case .integer(let index):
                advance()
                return .item(.constant(.integer(index)), offset)
            default: throw expected("a name or number")
            }
        }
        if skip(symbol: "[") {
            let found = try subscripts(offset)
            try expect(symbol: "]")
            return found
        }
        return isSymbol("(") ? .call(try arguments(), offset) : nil
    }

    private mutating func subscripts(_ offset: Int) throws(TemplateFault) -> Expression.Postfix {
        var keys: [Expression] = []
        while !isSymbol("]") {
            if !keys.isEmpty { try expect(symbol: ",") }
            let start = isSymbol(":") ? nil : try expression()
            guard skip(symbol: ":") else {
                if let start { keys.append(start) }
                continue
            }
            var bounds: [Expression?] = [nil, nil]
            if !isSymbol("]"), !isSymbol(":"), !isSymbol(",") { bounds[0] = try expression() }
            if skip(symbol: ":"), !isSymbol("]"), !isSymbol(",") { bounds[1] = try expression() }
            guard keys.isEmpty, isSymbol("]") else { throw .unsupported("a slice among other subscripts", at: offset) }
            return .slice(start, bounds[0], bounds[1], offset)
        }
        if keys.count == 1 { return .item(keys[0], offset) }
        return .item(.tuple(keys, offset), offset)
    }

    /// The arguments in brackets.
    mutating func arguments() throws(TemplateFault) -> Expression.Call {
        let offset = token.offset
        try expect(symbol: "(")
        var call = Expression.Call()
        func require(_ condition: Bool) throws(TemplateFault) {
            if !condition { throw .syntax("these arguments cannot stand in this order", at: offset) }
        }
        var isFirst = true
        while !isSymbol(")") {
            if !isFirst {
                try expect(symbol: ",")
                if isSymbol(")") { break }
            }
            isFirst = false
            if skip(symbol: "*") {
                try require(call.positionalSpread == nil && call.namedSpread == nil)
                call.positionalSpread = try expression()
            } else if skip(symbol: "**") {
                try require(call.namedSpread == nil)
                call.namedSpread = try expression()
            } else if case .name(let name) = token.kind, next.kind == .symbol("=") {
                try require(call.namedSpread == nil && !call.named.contains { $0.name == name })
                advance()
                advance()
                call.named.append(Expression.NamedArgument(name: name, value: try expression()))
            } else {
                try require(call.positionalSpread == nil && call.namedSpread == nil && call.named.isEmpty)
                call.positional.append(try expression())
            }
        }
        advance()
        return call
    }

    private mutating func dottedName() throws(TemplateFault) -> String {
        var name = try name()
        while skip(symbol: ".") { name += "." + (try self.name()) }
        return name
    }

    /// A filter, after its `|`.
    mutating func filter() throws(TemplateFault) -> Expression.Postfix {
        let offset = token.offset
        let name = try dottedName()
        if TemplateFilter(rawValue: name) == nil {
            unknown.append(("the filter \(name.quotedForMessage())", offset))
        }
        return .filter(name, isSymbol("(") ? try arguments() : Expression.Call(), offset)
    }

    /// A test, after its `is`.
    mutating func test() throws(TemplateFault) -> Expression.Postfix {
        let isNegated = skip(name: "not")
        let offset = token.offset
        let name = try dottedName()
        if TemplateTest.named(name) == nil {
            unknown.append(("the test \(name.quotedForMessage())", offset))
        }
        var call = Expression.Call()
        if isSymbol("(") {
            call = try arguments()
        } else if startsTestArgument {
            guard !isName("is") else { throw .syntax("tests cannot be chained", at: token.offset) }
            var argument = try primary()
            var postfixes: [Expression.Postfix] = []
            while let postfix = try postfix() { postfixes.append(postfix) }
            if !postfixes.isEmpty { argument = .postfix(argument, postfixes) }
            call.positional = [argument]
        }
        return .test(name, call, isNegated: isNegated, offset)
    }

    /// Whether the token begins a test's argument without brackets.
    private var startsTestArgument: Bool {
        switch token.kind {
        case .name(let name): !["else", "or", "and"].contains(name)
        case .string, .integer, .float, .symbol("["), .symbol("{"): true
        default: false
        }
    }
}
