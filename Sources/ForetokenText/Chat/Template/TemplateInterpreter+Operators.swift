import ForetokenPlatform

/// Arithmetic and comparison, with Python's rules.
extension TemplateInterpreter {
    func sign(_ value: TemplateValue, isNegative: Bool) throws -> TemplateValue {
        if let integer = value.asInteger {
            if !isNegative { return .integer(integer) }
            return try integerResult(integer.multipliedReportingOverflow(by: -1))
        }
        if case .float(let double) = value { return .float(isNegative ? -double : double) }
        throw badOperands(isNegative ? "unary -" : "unary +", value, nil)
    }

    private func badOperands(
        _ operation: String, _ left: TemplateValue, _ right: TemplateValue?
    ) -> TemplateFault {
        for case .undefined(let undefined)? in [left, right] { return .failed(undefined.message) }
        let types = right.map { "'\(left.typeName)' and '\($0.typeName)'" } ?? "'\(left.typeName)'"
        return .failed("unsupported operand type(s) for \(operation): \(types)")
    }

    private func integerResult(_ result: (partialValue: Int, overflow: Bool)) throws -> TemplateValue {
        guard !result.overflow else { throw TemplateFault.unsupported("an integer beyond 64 bits") }
        return .integer(result.partialValue)
    }

    func calculate(
        _ left: TemplateValue, _ operation: Expression.Arithmetic, _ right: TemplateValue
    ) throws -> TemplateValue {
        if let left = left.asInteger, let right = right.asInteger {
            return try calculate(left, operation, right)
        }
        if let left = left.asDouble, let right = right.asDouble { return try calculate(left, operation, right) }
        switch (operation, left, right) {
        case (.add, .text(let first), .text(let second)):
            try budget.allocate(first.bytes.count + second.bytes.count)
            guard first.isMarkup || second.isMarkup else { return .text(first + second) }
            var result = first.htmlEscaped + second.htmlEscaped
            try budget.allocate(result.bytes.count)
            result.isMarkup = true
            return .text(result)
        case (.add, .list(let first), .list(let second)):
            try budget.allocate(elements: first.values.count + second.values.count)
            return .list(first.values + second.values)
        case (.add, .tuple(let first), .tuple(let second)):
            try budget.allocate(elements: first.values.count + second.values.count)
            return .tuple(first.values + second.values)
        case (.multiply, _, _):
            if let count = right.asInteger, let result = try repeating(left, count) { return result }
            if let count = left.asInteger, let result = try repeating(right, count) { return result }
        case (.modulo, .text(let format), _):
            return .text(try formatted(format, with: right))
        default: break
        }
        throw badOperands(operation.rawValue, left, right)
    }

    private func repeating(_ value: TemplateValue, _ count: Int) throws -> TemplateValue? {
        func total(_ size: Int) -> Int {
            let total = size.multipliedReportingOverflow(by: max(0, count))
            return total.overflow ? .max : total.partialValue
        }
        func repeated(_ values: [TemplateValue]) throws -> [TemplateValue] {
            try budget.allocate(elements: total(values.count))
            return Array(repeatElement(values, count: values.isEmpty ? 0 : max(0, count)).joined())
        }
        switch value {
        case .text(let text):
            try budget.allocate(total(text.bytes.count))
            var result = MarkedText()
            if !text.isEmpty { for _ in 0..<max(0, count) { result.append(text) } }
            result.isMarkup = text.isMarkup
            return .text(result)
        case .list(let elements): return .list(try repeated(elements.values))
        case .tuple(let elements): return .tuple(try repeated(elements.values))
        default: return nil
        }
    }

    private func calculate(_ left: Int, _ operation: Expression.Arithmetic, _ right: Int) throws -> TemplateValue {
        switch operation {
        case .add: return try integerResult(left.addingReportingOverflow(right))
        case .subtract: return try integerResult(left.subtractingReportingOverflow(right))
        case .multiply: return try integerResult(left.multipliedReportingOverflow(by: right))
        case .divide: return try calculate(Double(left), .divide, Double(right))
        case .floorDivide, .modulo:
            guard right != 0 else { throw TemplateFault.failed("integer division or modulo by zero") }
            let quotient = left.dividedReportingOverflow(by: right)
            guard !quotient.overflow else { throw TemplateFault.unsupported("an integer beyond 64 bits") }
            let remainder = left % right
            let isBelow = remainder != 0 && (remainder < 0) != (right < 0)
            return .integer(
                operation == .modulo
                    ? (isBelow ? remainder + right : remainder) : quotient.partialValue - (isBelow ? 1 : 0))
        case .power:
            guard right >= 0 else { return try calculate(Double(left), .power, Double(right)) }
            var (result, base, exponent) = (1, left, right)
            while exponent > 0 {
                if exponent & 1 == 1 {
                    let product = result.multipliedReportingOverflow(by: base)
                    guard !product.overflow else { return try integerResult(product) }
                    result = product.partialValue
                }
                exponent >>= 1
                if exponent == 0 { break }
                let square = base.multipliedReportingOverflow(by: base)
                guard !square.overflow else { return try integerResult(square) }
                base = square.partialValue
            }
            return .integer(result)
        }
    }

    private func calculate(
        _ left: Double, _ operation: Expression.Arithmetic, _ right: Double
    ) throws -> TemplateValue {
        if right == 0, [.divide, .floorDivide, .modulo].contains(operation) {
            throw TemplateFault.failed("division by zero")
        }
        switch operation {
        case .add: return .float(left + right)
        case .subtract: return .float(left - right)
        case .multiply: return .float(left * right)
        case .divide: return .float(left / right)
        case .floorDivide, .modulo:
            // As CPython's float_divmod.
            var modulo = fmod(left, right)
            var quotient = (left - modulo) / right
            if modulo != 0 {
                if (right < 0) != (modulo < 0) {
                    modulo += right
                    quotient -= 1
                }
            } else {
                modulo = copysign(0, right)
            }
            if operation == .modulo { return .float(modulo) }
            guard quotient != 0 else { return .float(copysign(0, left / right)) }
            let floor = quotient.rounded(.down)
            return .float(quotient - floor > 0.5 ? floor + 1 : floor)
        case .power:
            guard left >= 0 || right.rounded() == right, left != 0 || right >= 0 else {
                throw TemplateFault.unsupported("this power")
            }
            let result = pow(left, right)
            guard result.isFinite || !left.isFinite || !right.isFinite else {
                throw TemplateFault.failed("the result is too large")
            }
            return .float(result)
        }
    }

    func areEqual(_ left: TemplateValue, _ right: TemplateValue) throws -> Bool {
        try budget.read(min(left.weight, right.weight))
        return TemplateValue.areEqual(left, right)
    }

    func compare(
        _ left: TemplateValue, _ comparison: Expression.Comparison, _ right: TemplateValue
    ) throws -> Bool {
        try budget.read(min(left.weight, right.weight))
        return switch comparison {
        case .equal: TemplateValue.areEqual(left, right)
        case .notEqual: !TemplateValue.areEqual(left, right)
        case .less: try TemplateValue.isLess(left, right, orEqual: false)
        case .lessOrEqual: try TemplateValue.isLess(left, right, orEqual: true)
        case .greater: try TemplateValue.isLess(right, left, orEqual: false)
        case .greaterOrEqual: try TemplateValue.isLess(right, left, orEqual: true)
        case .isIn: try contains(right, left)
        case .notIn: try !contains(right, left)
        }
    }

    /// `element in container`.
    func contains(_ container: TemplateValue, _ element: TemplateValue) throws -> Bool {
        switch container {
        case .text(let text):
            guard case .text(let part) = element else {
                throw TemplateFault.failed(
                    "'in <string>' requires string as left operand, not \(element.typeName)")
            }
            try budget.read(text.bytes.count)
            return text.contains(part)
        case .dictionary(let dictionary): return dictionary[try key(of: element)] != nil
        case .view(let view) where view.kind == .keys: return view.dictionary[try key(of: element)] != nil
        case .range(let range):
            guard let number = element.asInteger ?? element.asDouble.flatMap({ Int(exactly: $0) }), range.count > 0
            else { return false }
            let ends = [range.start, range.element(at: range.count - 1)]
            guard number >= min(ends[0], ends[1]), number <= max(ends[0], ends[1]) else { return false }
            return (number - range.start) % range.step == 0
        case .list, .tuple, .view, .undefined, .generator:
            let next = try iterator(over: container)
            while let candidate = try next() {
                try budget.step()
                if try areEqual(candidate, element) { return true }
            }
            return false
        default: throw TemplateFault.failed("argument of type '\(container.typeName)' is not iterable")
        }
    }
}
