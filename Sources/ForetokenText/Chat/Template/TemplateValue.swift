import ForetokenFiles

/// A value of a running template; it behaves like the Python value that Jinja would have.
///
/// Lists, tuples and dictionaries never change, as in Jinja's immutable sandbox. Only namespaces do.
enum TemplateValue {
    case undefined(Undefined)
    case null
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case text(MarkedText)
    case list(Elements)
    case tuple(Elements)
    case dictionary(TemplateDictionary)
    case view(DictionaryView)
    case range(TemplateRange)
    case generator(Generator)
    case namespace(Namespace)
    case macro(Macro)
    case function(BuiltIn)
    case method(BoundMethod)
    case loop(LoopState)

    /// A missing variable, attribute or element.
    indirect enum Undefined {
        case name(String)
        case attribute(String, of: String)
        case element(TemplateValue, of: String)
        case hint(String)
        /// Python has the attribute, and the sandbox hides it.
        case unsafe(String, of: String)

        var message: String {
            switch self {
            case .name(let name): "'\(name)' is undefined"
            case .attribute(let name, let owner): "'\(owner)' has no attribute \(name.quotedForMessage())"
            case .element(let key, let owner): "\(owner) has no element \(key.brief)"
            case .hint(let hint): hint
            case .unsafe(let name, let owner): "access to attribute '\(name)' of '\(owner)' object is unsafe."
            }
        }
    }

    /// The elements of a list or tuple.
    final class Elements {
        let values: [TemplateValue]
        let depth: Int
        let weight: Int

        init(_ values: [TemplateValue]) {
            self.values = values
            var (depth, weight) = (0, 1)
            for value in values {
                depth = max(depth, value.depth)
                weight = TemplateValue.sum(weight, value.weight)
            }
            self.depth = depth + 1
            self.weight = weight
        }
    }

    struct DictionaryView {
        enum Kind: String {
            case keys
            case values
            case items
        }

        let kind: Kind
        let dictionary: TemplateDictionary

        func element(at index: Int) -> TemplateValue {
            switch kind {
            case .keys: dictionary.keys[index]
            case .values: dictionary.values[index]
            case .items: .tuple(Elements([dictionary.keys[index], dictionary.values[index]]))
            }
        }
    }

    /// Python's generators: each element is made when it is asked for, and only once.
    final class Generator {
        private let source: () throws -> TemplateValue?
        let depth: Int

        /// - Parameter others: Further values that it holds.
        init(
            over source: TemplateValue, holding others: [TemplateValue] = [],
            _ next: @escaping () throws -> TemplateValue?
        ) {
            depth = 1 + others.reduce(source.depth) { max($0, $1.depth) }
            self.source = next
        }

        func next() throws -> TemplateValue? { try source() }
    }

    /// Only these change; the interpreter keeps them all and empties them at the end, so that cycles go away.
    final class Namespace {
        var names: [MarkedText] = []
        var attributes: [MarkedText: TemplateValue] = [:]

        func set(_ name: MarkedText, _ value: TemplateValue) {
            if attributes.updateValue(value, forKey: name) == nil { names.append(name) }
        }
    }

    final class Macro {
        let definition: MacroDefinition
        let scope: TemplateScope

        init(_ definition: MacroDefinition, _ scope: TemplateScope) {
            self.definition = definition
            self.scope = scope
        }
    }

    enum BuiltIn: String, CaseIterable {
        case range
        case namespace
        case dict
        case raiseException = "raise_exception"
        case strftimeNow = "strftime_now"
        case cycler
        case joiner
        case lipsum
    }

    final class BoundMethod {
        let receiver: TemplateValue
        let name: String

        init(_ receiver: TemplateValue, _ name: String) {
            self.receiver = receiver
            self.name = name
        }
    }

    /// How deep containers are nested in it.
    var depth: Int {
        switch self {
        case .list(let elements), .tuple(let elements): elements.depth
        case .dictionary(let dictionary): dictionary.depth
        case .view(let view): view.dictionary.depth + 1
        case .generator(let generator): generator.depth
        case .method(let method): method.receiver.depth + 1
        case .undefined(.element(let key, _)): key.depth + 1
        case .loop(let state): state.valueDepth + 1
        default: 0
        }
    }

    /// The bytes and elements that printing or comparing it visits; shared parts count every time.
    var weight: Int {
        switch self {
        case .text(let text): text.bytes.count + 1
        case .list(let elements), .tuple(let elements): elements.weight
        case .dictionary(let dictionary): dictionary.weight
        case .view(let view): Self.sum(view.dictionary.weight, 1)
        case .undefined(.element(let key, _)): Self.sum(key.weight, 1)
        default: 1
        }
    }

    /// A sum of weights that does not overflow.
    static func sum(_ left: Int, _ right: Int) -> Int { min(left, 1 << 60) + min(right, 1 << 60) }

    /// The type's name in Python.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .null: "NoneType"
        case .bool: "bool"
        case .integer: "int"
        case .float: "float"
        case .text: "str"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .view(let view): "dict_\(view.kind.rawValue)"
        case .range: "range"
        case .generator: "generator"
        case .namespace: "Namespace"
        case .macro: "Macro"
        case .function: "function"
        case .method: "method"
        case .loop: "LoopContext"
        }
    }

    /// How Jinja names an owner in its messages.
    var ownerName: String {
        if case .null = self { return "None" }
        return "\(typeName) object"
    }

    /// For messages: the kind, or a short value.
    var brief: String {
        switch self {
        case .null: "None"
        case .bool(let value): value ? "True" : "False"
        case .integer(let value): String(value)
        case .text(let text): text.string.quotedForMessage(limit: 60)
        default: "a value of type \(typeName)"
        }
    }

    static func text(_ string: String) -> TemplateValue { .text(MarkedText(string)) }

    static func list(_ values: [TemplateValue]) -> TemplateValue { .list(Elements(values)) }

    static func tuple(_ values: [TemplateValue]) -> TemplateValue { .tuple(Elements(values)) }
}

/// `range(start, stop, step)`.
struct TemplateRange {
    let start: Int
    let step: Int
    let count: Int
    let stop: Int

    func element(at index: Int) -> Int { start + index * step }
}

/// Variables of a block, in those around it.
final class TemplateScope {
    var variables: [String: TemplateValue] = [:]
    let parent: TemplateScope?

    init(parent: TemplateScope?) {
        self.parent = parent
    }

    func lookUp(_ name: String) -> TemplateValue? {
        var scope: TemplateScope? = self
        while let current = scope {
            if let value = current.variables[name] { return value }
            scope = current.parent
        }
        return nil
    }
}
