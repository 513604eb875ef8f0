import ForetokenFiles
import ForetokenPlatform

extension TemplateInterpreter {
    func call(_ callee: TemplateValue, _ arguments: TemplateArguments) throws -> TemplateValue {
        switch callee {
        case .macro(let macro): return try call(macro, arguments)
        case .function(let function): return try call(function, arguments)
        case .method(let method): return try call(method, arguments)
        case .loop(let state):
            guard let values = try arguments.bind("loop", ["iterable"], required: 1)[0] else { return .null }
            return try recurse(state, values)
        case .undefined(let undefined): throw TemplateFault.failed(undefined.message)
        default: throw TemplateFault.failed("'\(callee.typeName)' object is not callable")
        }
    }

    /// `{% call %}`: the call at the end of the expression also gets `caller`.
    func evaluateCallBlock(
        _ expression: Expression, caller: TemplateValue, _ scope: TemplateScope
    ) throws -> TemplateValue {
        guard case .postfix(let base, let postfixes) = expression, case .call(let call, let offset)? = postfixes.last
        else { throw TemplateFault.failed("'call' needs a call") }
        let callee = try apply(Array(postfixes.dropLast()), to: try evaluate(base, scope), scope)
        return try located(offset) {
            var arguments = try arguments(call, scope)
            arguments.named.append(("caller", caller))
            return try self.call(callee, arguments)
        }
    }

    // MARK: Macros

    private func call(_ macro: TemplateValue.Macro, _ arguments: TemplateArguments) throws -> TemplateValue {
        let definition = macro.definition
        let scope = try makeScope(macro.scope)
        let name = definition.name ?? "caller"
        var named = arguments.named
        func take(_ name: String) -> TemplateValue? {
            named.firstIndex { $0.name == name }.map { named.remove(at: $0).value }
        }
        var missing: [MacroDefinition.Parameter] = []
        for (index, parameter) in definition.parameters.enumerated() {
            if index < arguments.positional.count {
                scope.variables[parameter.name] = arguments.positional[index]
            } else if let value = take(parameter.name) {
                scope.variables[parameter.name] = value
            } else {
                missing.append(parameter)
            }
        }
        if definition.takesCaller, !definition.parameters.contains(where: { $0.name == "caller" }) {
            scope.variables["caller"] = take("caller") ?? .undefined(.hint("No caller defined"))
        }
        if definition.takesMoreNamed {
            scope.variables["kwargs"] = try makeDictionary(named.map { (.text($0.name), $0.value) })
        } else if let extra = named.first {
            throw TemplateFault.failed("macro '\(name)' takes no keyword argument '\(extra.name)'")
        }
        let more = arguments.positional.dropFirst(definition.parameters.count)
        if definition.takesMorePositional {
            try budget.allocate(elements: more.count)
            scope.variables["varargs"] = try budget.check(.tuple(Array(more)))
        } else if !more.isEmpty {
            throw TemplateFault.failed("macro '\(name)' takes not more than \(definition.parameters.count) argument(s)")
        }
        try budget.enter()
        defer { budget.leave() }
        for parameter in missing {
            scope.variables[parameter.name] =
                try parameter.value.map { try evaluate($0, scope) }
                ?? .undefined(.hint("parameter '\(parameter.name)' was not provided"))
        }
        return .text(try capture { _ = try run(definition.body, scope) })
    }

    // MARK: Functions

    private func call(
        _ function: TemplateValue.BuiltIn, _ arguments: TemplateArguments
    ) throws -> TemplateValue {
        switch function {
        case .range: return .range(try range(arguments))
        case .dict: return try makeDictionary(try entries(arguments, "dict"))
        case .namespace:
            let namespace = try makeNamespace()
            for (key, value) in try entries(arguments, "namespace") {
                try set(try key.textArgument("a namespace's attribute"), of: namespace, to: value)
            }
            return .namespace(namespace)
        case .raiseException:
            let message = try arguments.bind("raise_exception", ["message"], required: 1)[0] ?? .null
            throw TemplateFault.raised(try print(message).string)
        case .strftimeNow:
            let format = try arguments.bind("strftime_now", ["format"], required: 1)[0] ?? .null
            return .text(try strftime(try format.textArgument("the format of strftime_now")))
        case .cycler, .joiner, .lipsum:
            throw TemplateFault.unsupported("the function '\(function.rawValue)'")
        }
    }

    private func range(_ arguments: TemplateArguments) throws -> TemplateRange {
        let values = try arguments.bind("range", ["start", "stop", "step"], required: 1, positionalOnly: 3)
        let bounds = try values.map { value in
            try value.map { value in
                if case .undefined(let undefined) = value { throw TemplateFault.failed(undefined.message) }
                return try value.integerArgument("an argument of range")
            }
        }
        let (start, stop) = bounds[1].map { (bounds[0] ?? 0, $0) } ?? (0, bounds[0] ?? 0)
        let step = bounds[2] ?? 1
        guard step != 0 else { throw TemplateFault.failed("range() arg 3 must not be zero") }
        let distance = step > 0 ? stop.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(stop)
        let isEmpty = step > 0 ? stop <= start : start <= stop
        let count = isEmpty ? 0 : (distance.partialValue &- 1) / Int(clamping: step.magnitude) + 1
        guard isEmpty || !distance.overflow, count <= 100_000 else {
            throw TemplateFault.failed("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).")
        }
        return TemplateRange(start: start, step: step, count: count, stop: stop)
    }

    /// The entries that `dict(…)` makes out of its arguments.
    private func entries(
        _ arguments: TemplateArguments, _ function: String
    ) throws -> [(key: TemplateValue, value: TemplateValue)] {
        guard arguments.positional.count <= 1 else {
            throw TemplateFault.failed("\(function) expected at most 1 argument, got \(arguments.positional.count)")
        }
        var result: [(key: TemplateValue, value: TemplateValue)] = []
        if let first = arguments.positional.first {
            if case .dictionary(let dictionary) = first {
                result = Array(zip(dictionary.keys, dictionary.values)).map { ($0.0, $0.1) }
            } else {
                for element in try elements(of: first) {
                    let pair = try elements(of: element)
                    guard pair.count == 2 else {
                        throw TemplateFault.failed("\(function) needs pairs of key and value")
                    }
                    result.append((pair[0], pair[1]))
                }
            }
        }
        return result + arguments.named.map { (.text($0.name), $0.value) }
    }

    /// The time in the local zone, in the C locale.
    private func strftime(_ format: MarkedText) throws -> MarkedText {
        guard format.bytes.count <= 1000, !format.bytes.contains(0) else {
            throw TemplateFault.unsupported("a format of over 1000 bytes, or with NUL, for strftime_now")
        }
        try budget.read(6400)
        var parts = tm()
        guard var seconds = time_t(exactly: now().timeIntervalSince1970.rounded(.down)),
            localtime_r(&seconds, &parts) != nil
        else { throw TemplateFault.failed("the time is out of range") }
        var buffer = [CChar](repeating: 0, count: 16_384)
        let count = ForetokenPlatform.strftime(&buffer, buffer.count, format.string, &parts)
        let bytes = buffer[..<count].map { UInt8(bitPattern: $0) }
        return MarkedText(String(decoding: bytes, as: UTF8.self))
    }
}
