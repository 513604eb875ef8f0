extension TemplateInterpreter {
    func evaluate(_ expression: Expression, _ scope: TemplateScope) throws -> TemplateValue {
        try budget.step()
        switch expression {
        case .constant(let constant): return TemplateValue(constant)
        case .name(let name, _): return scope.lookUp(name) ?? .undefined(.name(name))
        default:
            try budget.enter()
            defer { budget.leave() }
            return try evaluateNested(expression, scope)
        }
    }

    private func evaluateNested(_ expression: Expression, _ scope: TemplateScope) throws -> TemplateValue {
        switch expression {
        case .constant(let constant): return TemplateValue(constant)
        case .name(let name, _): return scope.lookUp(name) ?? .undefined(.name(name))
        case .list(let elements, _): return try makeList(try evaluate(elements, scope))
        case .tuple(let elements, _):
            let values = try evaluate(elements, scope)
            try budget.allocate(elements: values.count)
            return try budget.check(.tuple(values))
        case .dictionary(let entries, let offset): return try located(offset) { try evaluate(entries, scope) }
        case .postfix(let base, let postfixes):
            return try apply(postfixes, to: try evaluate(base, scope), scope)
        case .not(let operand): return .bool(!(try evaluate(operand, scope).isTrue))
        case .sign(let operand, let isNegative, let offset):
            let value = try evaluate(operand, scope)
            return try located(offset) { try sign(value, isNegative: isNegative) }
        case .arithmetic(let first, let operands): return try evaluate(first, operands, scope)
        case .concatenation(let operands, let offset):
            var result = MarkedText()
            for operand in operands {
                let value = try evaluate(operand, scope)
                try located(offset) { try append(try print(value), to: &result) }
            }
            return .text(result)
        case .comparison(let first, let operands): return try evaluate(first, operands, scope)
        case .and(let operands): return try evaluate(operands, until: false, scope)
        case .or(let operands): return try evaluate(operands, until: true, scope)
        case .conditional(let test, let then, let otherwise, _):
            if try evaluate(test, scope).isTrue { return try evaluate(then, scope) }
            guard let otherwise else {
                return .undefined(
                    .hint("the inline if-expression evaluated to false and no else section was defined."))
            }
            return try evaluate(otherwise, scope)
        }
    }

    private func evaluate(_ expressions: [Expression], _ scope: TemplateScope) throws -> [TemplateValue] {
        try expressions.map { try evaluate($0, scope) }
    }

    private func evaluate(_ entries: [Expression.Entry], _ scope: TemplateScope) throws -> TemplateValue {
        try makeDictionary(
            try entries.map { (try evaluate($0.key, scope), try evaluate($0.value, scope)) })
    }

    /// The first operand whose truth is `truth`, or the last.
    private func evaluate(
        _ operands: [Expression], until truth: Bool, _ scope: TemplateScope
    ) throws -> TemplateValue {
        var value = TemplateValue.null
        for operand in operands {
            value = try evaluate(operand, scope)
            if value.isTrue == truth { break }
        }
        return value
    }

    private func evaluate(
        _ first: Expression, _ operands: [Expression.Operand<Expression.Arithmetic>], _ scope: TemplateScope
    ) throws -> TemplateValue {
        var value = try evaluate(first, scope)
        for operand in operands {
            let right = try evaluate(operand.expression, scope)
            value = try located(operand.offset) { try calculate(value, operand.operator, right) }
        }
        return value
    }

    /// A chain such as `a < b < c` stops at the first comparison that is false.
    private func evaluate(
        _ first: Expression, _ operands: [Expression.Operand<Expression.Comparison>], _ scope: TemplateScope
    ) throws -> TemplateValue {
        var left = try evaluate(first, scope)
        for operand in operands {
            let right = try evaluate(operand.expression, scope)
            guard try located(operand.offset, { try compare(left, operand.operator, right) }) else {
                return .bool(false)
            }
            left = right
        }
        return .bool(true)
    }

    func apply(
        _ postfixes: [Expression.Postfix], to value: TemplateValue, _ scope: TemplateScope
    ) throws -> TemplateValue {
        var value = value
        for postfix in postfixes {
            try budget.step()
            value = try apply(postfix, to: value, scope)
        }
        return value
    }

    private func apply(
        _ postfix: Expression.Postfix, to value: TemplateValue, _ scope: TemplateScope
    ) throws -> TemplateValue {
        switch postfix {
        case .attribute(let name, let offset): return try located(offset) { try attribute(name, of: value) }
        case .item(let key, let offset):
            let key = try evaluate(key, scope)
            return try located(offset) { try item(key, of: value) }
        case .slice(let start, let stop, let step, let offset):
            let bounds = try [start, stop, step].map { try $0.map { try evaluate($0, scope) } }
            return try located(offset) { try slice(value, bounds[0], bounds[1], bounds[2]) }
        case .call(let call, let offset):
            return try located(offset) { try self.call(value, try arguments(call, scope)) }
        case .filter(let name, let call, let offset):
            return try located(offset) { try filter(name, value, try arguments(call, scope)) }
        case .test(let name, let call, let isNegated, let offset):
            return .bool(try located(offset) { try test(name, value, try arguments(call, scope)) } != isNegated)
        }
    }

    // MARK: Making values

    func makeList(_ values: [TemplateValue]) throws -> TemplateValue {
        try budget.allocate(elements: values.count)
        return try budget.check(.list(values))
    }

    func makeDictionary(_ entries: [(key: TemplateValue, value: TemplateValue)]) throws -> TemplateValue {
        try budget.allocate(elements: 4 * entries.count)
        for entry in entries { try budget.read(entry.key.weight) }
        return try budget.check(.dictionary(try TemplateDictionary(entries)))
    }

    /// The key of a dictionary that a value stands for.
    func key(of value: TemplateValue) throws -> TemplateDictionary.Key {
        try budget.read(value.weight)
        return try TemplateDictionary.key(of: value)
    }

    /// `str(value)`.
    func print(_ value: TemplateValue) throws -> MarkedText {
        if case .text(let text) = value, !text.isMarkup { return text }
        try budget.read(value.weight)
        try budget.allocate(value.weight)
        let text = try value.printed()
        try budget.allocate(text.bytes.count)
        return text
    }

    func append(_ text: MarkedText, to result: inout MarkedText) throws {
        try budget.allocate(text.bytes.count)
        result.append(text)
    }
}

extension TemplateValue {
    init(_ constant: Expression.Constant) {
        switch constant {
        case .none: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .float(let value): self = .float(value)
        case .text(let text): self = .text(text)
        }
    }
}
