import ForetokenFiles

extension TemplateParser {
    /// Tags of Jinja that need other templates, or that change what text means.
    private static let refusedTags: Set<String> = [
        "extends", "include", "import", "from", "block", "autoescape", "do", "trans", "pluralize", "debug",
    ]

    /// Parses up to one of the tags `ends`, which stays the current token; without ends up to the template's end.
    mutating func statements(until ends: [String]) throws(TemplateFault) -> [Statement] {
        var result: [Statement] = []
        while true {
            switch token.kind {
            case .end:
                guard ends.isEmpty else {
                    throw .syntax("the template ends without '\(ends[ends.count - 1])'", at: token.offset)
                }
                return result
            case .data(let bytes):
                result.append(.text(MarkedText(bytes)))
                advance()
            case .variableBegin:
                advance()
                let offset = token.offset
                result.append(.output(try tuple(), offset))
                try expect(.variableEnd, "'}}'")
            case .blockBegin:
                advance()
                if case .name(let name) = token.kind, ends.contains(name) { return result }
                try enter()
                result += try statement()
                depth -= 1
                try expect(.blockEnd, "'%}'")
            default: throw expected("text or a tag")
            }
        }
    }

    /// Parses the rest of a tag, a body, and passes the name of the tag that ends it, which it returns.
    private mutating func body(until ends: [String]) throws(TemplateFault) -> (statements: [Statement], end: String) {
        _ = skip(symbol: ":")
        try expect(.blockEnd, "'%}'")
        let statements = try statements(until: ends)
        return (statements, try name())
    }

    /// A body that an `if` around it does not excuse: what is not known in it is refused, reached or not.
    private mutating func innerBody(until ends: [String]) throws(TemplateFault) -> (
        statements: [Statement], end: String
    ) {
        let excused = unknown.count
        let result = try body(until: ends)
        refused += unknown[excused...]
        unknown.removeSubrange(excused...)
        return result
    }

    private mutating func statement() throws(TemplateFault) -> [Statement] {
        let offset = token.offset
        let tag = try name("the name of a tag")
        switch tag {
        case "if": return [try conditional()]
        case "for": return [try loop(offset)]
        case "set": return [try set(offset)]
        case "macro":
            guard try targetName() else { throw expected("a name") }
            return [.macro(try macro(name: try name(), offset, ends: "endmacro"))]
        case "call":
            var caller = try signature(MacroDefinition(name: nil, parameters: [], body: [], offset: offset))
            let call = try expression()
            guard case .postfix(_, let postfixes) = call, case .call? = postfixes.last else {
                throw .syntax("'call' needs a call", at: offset)
            }
            try finish(&caller, ends: "endcall")
            return [.call(call, caller: caller, offset)]
        case "filter":
            var filters: [Expression.Postfix] = []
            repeat { filters.append(try filter()) } while skip(symbol: "|")
            return [.filter(filters, try innerBody(until: ["endfilter"]).statements, offset)]
        case "with": return [try with(offset)]
        case "generation":
            let outer = loopDepth
            loopDepth = 0
            let body = try innerBody(until: ["endgeneration"]).statements
            loopDepth = outer
            return [.generation(body)]
        case "print":
            var result: [Statement] = []
            while token.kind != .blockEnd {
                if !result.isEmpty { try expect(symbol: ",") }
                result.append(.output(try expression(), offset))
            }
            return result
        case "break", "continue":
            guard loopDepth > 0 else { throw .syntax("'\(tag)' outside a loop", at: offset) }
            return [tag == "break" ? .break : .continue]
        default:
            if Self.refusedTags.contains(tag) { throw .unsupported("the tag '\(tag)'", at: offset) }
            throw .syntax("unknown or misplaced tag \(tag.quotedForMessage())", at: offset)
        }
    }

    private mutating func conditional() throws(TemplateFault) -> Statement {
        let before = unknown
        var branches: [Statement.Branch] = []
        while true {
            let test = try tuple(allowsConditional: false)
            let (body, end) = try body(until: ["elif", "else", "endif"])
            branches.append(Statement.Branch(test: test, body: body))
            if end == "elif" { continue }
            let otherwise = end == "else" ? try self.body(until: ["endif"]).statements : []
            unknown = before
            return .conditional(branches, otherwise: otherwise)
        }
    }

    private mutating func loop(_ offset: Int) throws(TemplateFault) -> Statement {
        outerLoopDepth += 1
        let target = try target()
        try expect(name: "in")
        let iterable = try tuple(allowsConditional: false)
        let filter = skip(name: "if") ? try expression() : nil
        let isRecursive = skip(name: "recursive")
        loopDepth += 1
        let (body, end) = try innerBody(until: ["endfor", "else"])
        loopDepth -= 1
        let otherwise = end == "else" ? try self.innerBody(until: ["endfor"]).statements : []
        outerLoopDepth -= 1
        return .loop(
            Statement.Loop(
                target: target, iterable: iterable, filter: filter, isRecursive: isRecursive, body: body,
                otherwise: otherwise, offset: offset))
    }

    private mutating func set(_ offset: Int) throws(TemplateFault) -> Statement {
        let target = try target(allowsAttributes: true)
        if skip(symbol: "=") { return .set(target, try tuple(), offset) }
        var filters: [Expression.Postfix] = []
        while skip(symbol: "|") { filters.append(try filter()) }
        return .setBlock(target, filters: filters, try innerBody(until: ["endset"]).statements, offset)
    }

    private mutating func with(_ offset: Int) throws(TemplateFault) -> Statement {
        var bindings: [Statement.Binding] = []
        while token.kind != .blockEnd, !isSymbol(":") {
            if !bindings.isEmpty { try expect(symbol: ",") }
            let target = try target()
            try expect(symbol: "=")
            bindings.append(Statement.Binding(target: target, value: try expression()))
        }
        return .with(bindings, try innerBody(until: ["endwith"]).statements, offset)
    }

    // MARK: Macros

    private func targetName() throws(TemplateFault) -> Bool {
        if case .name(let name) = token.kind { return !Self.constants.contains(name) }
        return false
    }

    private mutating func macro(
        name: String, _ offset: Int, ends: String
    ) throws(TemplateFault) -> MacroDefinition {
        var macro = MacroDefinition(name: name, parameters: [], body: [], offset: offset)
        guard isSymbol("(") else { throw expected("'('") }
        macro = try signature(macro)
        try finish(&macro, ends: ends)
        return macro
    }

    private mutating func signature(_ macro: MacroDefinition) throws(TemplateFault) -> MacroDefinition {
        var macro = macro
        guard skip(symbol: "(") else { return macro }
        while !isSymbol(")") {
            if !macro.parameters.isEmpty { try expect(symbol: ",") }
            guard try targetName() else { throw expected("a parameter's name") }
            let offset = token.offset
            let parameter = try name()
            guard !macro.parameters.contains(where: { $0.name == parameter }), macro.parameters.count < 100 else {
                throw .syntax("the parameter '\(parameter)' appears twice, or there are over a hundred", at: offset)
            }
            let value = skip(symbol: "=") ? try expression() : nil
            guard value != nil || macro.parameters.last?.value == nil else {
                throw .syntax("the parameter '\(parameter)' needs a default, as those before it", at: offset)
            }
            macro.parameters.append(MacroDefinition.Parameter(name: parameter, value: value))
        }
        advance()
        return macro
    }

    private mutating func finish(_ macro: inout MacroDefinition, ends: String) throws(TemplateFault) {
        let outer = (names, loopDepth)
        names = []
        loopDepth = 0
        macro.body = try innerBody(until: [ends]).statements
        let parameters = macro.parameters
        func isSpecial(_ name: String) -> Bool {
            names.contains(name) && !parameters.contains { $0.name == name }
        }
        macro.takesMorePositional = isSpecial("varargs")
        macro.takesMoreNamed = isSpecial("kwargs")
        macro.takesCaller = isSpecial("caller")
        if let parameter = parameters.first(where: { $0.name == "caller" && $0.value == nil }),
            names.contains(parameter.name)
        {
            throw .syntax("the parameter 'caller' needs a default", at: macro.offset)
        }
        names.formUnion(outer.0)
        loopDepth = outer.1
    }

    // MARK: Targets

    /// Parses what is assigned to.
    private mutating func target(allowsAttributes: Bool = false) throws(TemplateFault) -> AssignmentTarget {
        let offset = token.offset
        var targets: [AssignmentTarget] = []
        var isTuple = false
        while true {
            if !targets.isEmpty { try expect(symbol: ",") }
            if token.kind == .blockEnd || isSymbol(")") { break }
            targets.append(try singleTarget(allowsAttributes: allowsAttributes))
            guard isSymbol(",") else { break }
            isTuple = true
        }
        guard let first = targets.first else { throw expected("a name to assign to") }
        return isTuple ? .tuple(targets, offset) : first
    }

    private mutating func singleTarget(allowsAttributes: Bool) throws(TemplateFault) -> AssignmentTarget {
        let offset = token.offset
        if skip(symbol: "(") {
            try enter()
            let target = try target()
            depth -= 1
            try expect(symbol: ")")
            return target
        }
        guard try targetName() else { throw expected("a name to assign to") }
        let name = try name()
        if allowsAttributes, skip(symbol: ".") { return .attribute(of: name, try self.name(), offset) }
        guard name != "loop" || outerLoopDepth == 0 else {
            throw .syntax("the variable 'loop' cannot be assigned to in a loop", at: offset)
        }
        return .name(name, offset)
    }
}
