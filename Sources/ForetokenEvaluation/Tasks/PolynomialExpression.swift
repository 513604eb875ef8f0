/// An expression over a ``PolynomialRing``: operands, and operations that the paper names (reference, section 2.8).
///
/// The paper's way of writing them is not published; ours has an operand as its digits, that of X⁰ first, `-f`, and in
/// parentheses `(f+g)`, `(f*g)` and `(f@g)`, which is f(g).
public indirect enum PolynomialExpression: Sendable, Equatable {
    /// An element.
    case operand([Int])
    /// −f.
    case negation(PolynomialExpression)
    /// f + g.
    case sum(PolynomialExpression, PolynomialExpression)
    /// f · g.
    case product(PolynomialExpression, PolynomialExpression)
    /// f(g).
    case composition(PolynomialExpression, PolynomialExpression)

    /// Exactly so many operations. Every operator is as likely as any other, so is every coefficient, and the operations
    /// below a binary operator are shared out uniformly.
    static func random(
        operations: Int, in ring: PolynomialRing, using generator: inout SeededGenerator
    ) -> PolynomialExpression {
        guard operations > 0 else { return .operand((0..<ring.degree).map { _ in generator.below(ring.modulus) }) }
        let kind = generator.below(4)
        if kind == 0 { return .negation(random(operations: operations - 1, in: ring, using: &generator)) }
        let left = generator.below(operations)
        let f = random(operations: left, in: ring, using: &generator)
        let g = random(operations: operations - 1 - left, in: ring, using: &generator)
        return kind == 1 ? .sum(f, g) : kind == 2 ? .product(f, g) : .composition(f, g)
    }

    /// What it is equal to.
    public func value(in ring: PolynomialRing) -> [Int] {
        switch self {
        case .operand(let f): f
        case .negation(let f): ring.negation(f.value(in: ring))
        case .sum(let f, let g): ring.sum(f.value(in: ring), g.value(in: ring))
        case .product(let f, let g): ring.product(f.value(in: ring), g.value(in: ring))
        case .composition(let f, let g): ring.composition(f.value(in: ring), g.value(in: ring))
        }
    }

    /// How it is written.
    public var text: String {
        switch self {
        case .operand(let f): Self.digits(f)
        case .negation(let f): "-" + f.text
        case .sum(let f, let g): "(\(f.text)+\(g.text))"
        case .product(let f, let g): "(\(f.text)*\(g.text))"
        case .composition(let f, let g): "(\(f.text)@\(g.text))"
        }
    }

    /// An element's digits.
    static func digits(_ element: [Int]) -> String { element.map(String.init).joined() }
}
