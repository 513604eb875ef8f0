/// The evaluated arguments of a call, filter or test.
struct TemplateArguments {
    var positional: [TemplateValue] = []
    var named: [(name: String, value: TemplateValue)] = []

    /// The values of a function's parameters, nil where none is given.
    ///
    /// - Parameters:
    ///   - function: Its name, for messages.
    ///   - parameters: The parameters' names in order.
    ///   - required: How many of them have no default.
    ///   - positionalOnly: How many cannot be named.
    func bind(
        _ function: String, _ parameters: [String], required: Int = 0, positionalOnly: Int = 0
    ) throws -> [TemplateValue?] {
        guard positional.count <= parameters.count else {
            throw TemplateFault.failed("\(function) takes at most \(parameters.count) arguments")
        }
        var values: [TemplateValue?] = positional
        values += [TemplateValue?](repeating: nil, count: parameters.count - positional.count)
        for (name, value) in named {
            guard let index = parameters.firstIndex(of: name), index >= positionalOnly else {
                throw TemplateFault.failed("\(function) has no argument named '\(name)'")
            }
            guard values[index] == nil else {
                throw TemplateFault.failed("\(function) has two values for its argument '\(name)'")
            }
            values[index] = value
        }
        if let missing = values.prefix(required).firstIndex(where: { $0 == nil }) {
            throw TemplateFault.failed("\(function) needs the argument '\(parameters[missing])'")
        }
        return values
    }
}

extension TemplateValue {
    /// The value as an integer argument.
    func integerArgument(_ shown: String) throws -> Int {
        guard let integer = asInteger else {
            throw TemplateFault.failed("\(shown) must be an integer, not \(typeName)")
        }
        return integer
    }

    /// The value as a string argument.
    func textArgument(_ shown: String) throws -> MarkedText {
        guard case .text(let text) = self else {
            if case .undefined(let undefined) = self { throw TemplateFault.failed(undefined.message) }
            throw TemplateFault.failed("\(shown) must be a string, not \(typeName)")
        }
        return text
    }
}

extension TemplateInterpreter {
    func arguments(_ call: Expression.Call, _ scope: TemplateScope) throws -> TemplateArguments {
        var arguments = TemplateArguments()
        arguments.positional = try call.positional.map { try evaluate($0, scope) }
        arguments.named = try call.named.map { ($0.name, try evaluate($0.value, scope)) }
        if let spread = call.positionalSpread {
            arguments.positional += try elements(of: try evaluate(spread, scope))
        }
        if let spread = call.namedSpread {
            guard case .dictionary(let dictionary) = try evaluate(spread, scope) else {
                throw TemplateFault.failed("the argument after ** must be a mapping")
            }
            for (key, value) in zip(dictionary.keys, dictionary.values) {
                let name = try key.textArgument("a keyword").string
                guard !arguments.named.contains(where: { $0.name == name }) else {
                    throw TemplateFault.failed("two values for the argument '\(name)'")
                }
                arguments.named.append((name, value))
            }
        }
        guard arguments.positional.count + arguments.named.count <= 10_000 else {
            throw TemplateFault.limit("a call has more than 10000 arguments")
        }
        return arguments
    }
}
