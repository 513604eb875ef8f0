import ForetokenFiles
import ForetokenPlatform

/// Runs a template's statements; see the extensions for expressions, calls, filters, tests and methods.
final class TemplateInterpreter {
    /// How a body ended.
    enum Completion {
        case normal
        case `break`
        case `continue`
    }

    let budget: TemplateBudget
    let now: () -> Date
    /// What is rendered, or captured by the innermost macro or block.
    var output = MarkedText()
    /// All that may be part of a cycle, to be emptied at the end.
    private var namespaces: [TemplateValue.Namespace] = []
    private var captured: [TemplateScope] = []

    init(limits: ChatTemplateLimits, now: @escaping () -> Date) {
        budget = TemplateBudget(limits)
        self.now = now
    }

    /// Renders the statements with the caller's variables.
    func render(_ statements: [Statement], _ variables: [String: TemplateValue]) throws -> MarkedText {
        defer {
            for namespace in namespaces { namespace.attributes = [:] }
            for scope in captured { scope.variables = [:] }
        }
        let globals = TemplateScope(parent: nil)
        for function in TemplateValue.BuiltIn.allCases { globals.variables[function.rawValue] = .function(function) }
        let context = TemplateScope(parent: globals)
        context.variables = variables
        _ = try run(statements, TemplateScope(parent: context))
        try budget.checkOutput(output.bytes.count)
        return output
    }

    func makeNamespace() throws -> TemplateValue.Namespace {
        try budget.allocate(512)
        let namespace = TemplateValue.Namespace()
        namespaces.append(namespace)
        return namespace
    }

    func makeMacro(_ definition: MacroDefinition, _ scope: TemplateScope) throws -> TemplateValue {
        try budget.allocate(768)
        captured.append(scope)
        return .macro(TemplateValue.Macro(definition, scope))
    }

    func makeScope(_ parent: TemplateScope) throws -> TemplateScope {
        try budget.step()
        return TemplateScope(parent: parent)
    }

    /// Adds to the output.
    func write(_ text: MarkedText) throws {
        try budget.allocate(text.bytes.count)
        output.append(text)
        try budget.checkOutput(output.bytes.count)
    }

    /// What a body writes, instead of writing it.
    func capture(_ body: () throws -> Void) throws -> MarkedText {
        let outer = output
        output = MarkedText()
        defer { output = outer }
        try body()
        return output
    }

    // MARK: Statements

    func run(_ statements: [Statement], _ scope: TemplateScope) throws -> Completion {
        try budget.enter()
        defer { budget.leave() }
        for statement in statements {
            try budget.step()
            let completion = try run(statement, scope)
            if completion != .normal { return completion }
        }
        return .normal
    }

    private func run(_ statement: Statement, _ scope: TemplateScope) throws -> Completion {
        switch statement {
        case .text(let text): try write(text)
        case .output(let expression, let offset):
            try located(offset) { try write(try print(try evaluate(expression, scope))) }
        case .set(let target, let expression, let offset):
            try located(offset) { try assign(target, try evaluate(expression, scope), scope) }
        case .setBlock(let target, let filters, let body, let offset):
            return try runSetBlock(target, filters, body, offset, scope)
        case .conditional(let branches, let otherwise):
            for branch in branches where try evaluate(branch.test, scope).isTrue {
                return try run(branch.body, scope)
            }
            return otherwise.isEmpty ? .normal : try run(otherwise, scope)
        case .loop(let loop): try located(loop.offset) { try run(loop, scope) }
        case .macro(let definition):
            if let name = definition.name { scope.variables[name] = try makeMacro(definition, scope) }
        case .call(let call, let caller, let offset):
            try located(offset) {
                let caller = try makeMacro(caller, scope)
                try write(try print(try evaluateCallBlock(call, caller: caller, scope)))
            }
        case .filter(let filters, let body, let offset):
            return try runFilterBlock(filters, body, offset, scope)
        case .with(let bindings, let body, let offset):
            let inner = try makeScope(scope)
            try located(offset) {
                let values = try bindings.map { try evaluate($0.value, scope) }
                for (binding, value) in zip(bindings, values) { try assign(binding.target, value, inner) }
            }
            return try run(body, inner)
        case .generation(let body):
            let inner = try makeScope(scope)
            let text = try capture { _ = try run(body, inner) }
            try write(text.adding(.generation))
        case .break: return .break
        case .continue: return .continue
        }
        return .normal
    }

    private func runSetBlock(
        _ target: AssignmentTarget, _ filters: [Expression.Postfix], _ body: [Statement], _ offset: Int,
        _ scope: TemplateScope
    ) throws -> Completion {
        let inner = try makeScope(scope)
        var completion = Completion.normal
        let text = try capture { completion = try run(body, inner) }
        guard completion == .normal else { return completion }
        try located(offset) {
            try assign(target, try apply(filters, to: .text(text), scope), scope)
        }
        return .normal
    }

    private func runFilterBlock(
        _ filters: [Expression.Postfix], _ body: [Statement], _ offset: Int, _ scope: TemplateScope
    ) throws -> Completion {
        let inner = try makeScope(scope)
        var completion = Completion.normal
        let text = try capture { completion = try run(body, inner) }
        guard completion == .normal else { return completion }
        try located(offset) {
            try write(try apply(filters, to: .text(text), scope).textArgument("a filter block's result"))
        }
        return .normal
    }

    /// Gives errors that have no position yet this one.
    @inline(__always)
    func located<Result>(_ offset: Int, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let fault as TemplateFault {
            throw fault.located(at: offset)
        }
    }

    // MARK: Assignment

    func assign(_ target: AssignmentTarget, _ value: TemplateValue, _ scope: TemplateScope) throws {
        switch target {
        case .name(let name, _): scope.variables[name] = try budget.check(value)
        case .attribute(let owner, let name, let offset):
            guard case .namespace(let namespace)? = scope.lookUp(owner) else {
                throw TemplateFault.failed("cannot assign attribute on non-namespace object", at: offset)
            }
            try located(offset) { try set(MarkedText(name), of: namespace, to: value) }
        case .tuple(let targets, let offset):
            try located(offset) {
                let values = try elements(of: value)
                guard values.count == targets.count else {
                    let problem = values.count < targets.count ? "not enough" : "too many"
                    throw TemplateFault.failed(
                        "\(problem) values to unpack (expected \(targets.count), got \(values.count))")
                }
                for (target, value) in zip(targets, values) { try assign(target, value, scope) }
            }
        }
    }

    func set(_ name: MarkedText, of namespace: TemplateValue.Namespace, to value: TemplateValue) throws {
        guard name.bytes.first != UInt8(ascii: "_") else {
            throw TemplateFault.failed(
                "chat templates cannot store underscore-prefixed attributes on a namespace: "
                    + name.string.quotedForMessage())
        }
        try budget.allocate(128)
        namespace.set(name, try budget.check(value))
    }
}
