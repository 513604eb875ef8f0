/// The syntax tree of a template. Offsets are byte positions in its normalised source.
///
/// Chains of operators, and of attributes, calls and filters, are flat lists, so that the tree is only as deep as the
/// template's brackets and blocks are nested.
indirect enum Expression: Sendable {
    case constant(Constant)
    case name(String, Int)
    case list([Expression], Int)
    case tuple([Expression], Int)
    case dictionary([Entry], Int)
    case postfix(Expression, [Postfix])
    case not(Expression)
    case sign(Expression, isNegative: Bool, Int)
    case arithmetic(Expression, [Operand<Arithmetic>])
    case concatenation([Expression], Int)
    case comparison(Expression, [Operand<Comparison>])
    case and([Expression])
    case or([Expression])
    case conditional(test: Expression, then: Expression, otherwise: Expression?, Int)

    enum Constant: Sendable {
        case none
        case bool(Bool)
        case integer(Int)
        case float(Double)
        case text(MarkedText)
    }

    enum Arithmetic: String, Sendable {
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case floorDivide = "//"
        case modulo = "%"
        case power = "**"
    }

    enum Comparison: String, Sendable {
        case equal = "=="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case isIn = "in"
        case notIn = "not in"
    }

    /// An operator with its right operand.
    struct Operand<Operator: Sendable>: Sendable {
        var `operator`: Operator
        var expression: Expression
        var offset: Int
    }

    struct Entry: Sendable {
        var key: Expression
        var value: Expression
    }

    /// What follows an expression.
    enum Postfix: Sendable {
        case attribute(String, Int)
        case item(Expression, Int)
        case slice(Expression?, Expression?, Expression?, Int)
        case call(Call, Int)
        case filter(String, Call, Int)
        case test(String, Call, isNegated: Bool, Int)
    }

    /// The arguments of a call, filter or test.
    struct Call: Sendable {
        var positional: [Expression] = []
        var named: [NamedArgument] = []
        /// `*values`.
        var positionalSpread: Expression?
        /// `**values`.
        var namedSpread: Expression?
    }

    struct NamedArgument: Sendable {
        var name: String
        var value: Expression
    }
}

indirect enum Statement: Sendable {
    case text(MarkedText)
    case output(Expression, Int)
    case set(AssignmentTarget, Expression, Int)
    case setBlock(AssignmentTarget, filters: [Expression.Postfix], [Statement], Int)
    case conditional([Branch], otherwise: [Statement])
    case loop(Loop)
    case macro(MacroDefinition)
    /// `{% call %}`; the expression ends in a call.
    case call(Expression, caller: MacroDefinition, Int)
    case filter([Expression.Postfix], [Statement], Int)
    case with([Binding], [Statement], Int)
    case generation([Statement])
    case `break`
    case `continue`

    struct Branch: Sendable {
        var test: Expression
        var body: [Statement]
    }

    struct Binding: Sendable {
        var target: AssignmentTarget
        var value: Expression
    }

    struct Loop: Sendable {
        var target: AssignmentTarget
        var iterable: Expression
        var filter: Expression?
        var isRecursive: Bool
        var body: [Statement]
        var otherwise: [Statement]
        var offset: Int
    }
}

/// What `set`, `for` and `with` assign to.
indirect enum AssignmentTarget: Sendable {
    case name(String, Int)
    case attribute(of: String, String, Int)
    case tuple([AssignmentTarget], Int)
}

/// A macro, or the body of a `{% call %}` block.
struct MacroDefinition: Sendable {
    struct Parameter: Sendable {
        var name: String
        var value: Expression?
    }

    var name: String?
    var parameters: [Parameter]
    var body: [Statement]
    /// The body mentions `varargs`, `kwargs`, `caller`.
    var takesMorePositional = false
    var takesMoreNamed = false
    var takesCaller = false
    var offset: Int
}
