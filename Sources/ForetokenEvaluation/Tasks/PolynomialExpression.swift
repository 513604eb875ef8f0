/// An expression over a ``PolynomialRing`` with the operations of arXiv 2404.19737, section 4.2.
///
/// The paper's notation is not published. Here an operand is written as its digits, that of X⁰ first, and operations as `-f`,
/// `(f+g)`, `(f*g)` and `(f@g)`, the composition f(g).
public indirect enum PolynomialExpression: Sendable, Equatable {
    /// An element of the ring.
    case operand([Int])
    /// −f.
    case negation(PolynomialExpression)
    /// f + g.
    case sum(PolynomialExpression, PolynomialExpression)
    /// f · g.
    case product(PolynomialExpression, PolynomialExpression)
    /// f(g).
    case composition(PolynomialExpression, PolynomialExpression)

    /// A random expression with exactly `operations` operations. Operators and coefficients are uniform, and so is the split of
    /// operations between the operands of a binary operator.
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

    /// The expression's value.
    public func value(in ring: PolynomialRing) -> [Int] {
        switch self {
        case .operand(let f): f
        case .negation(let f): ring.negation(f.value(in: ring))
        case .sum(let f, let g): ring.sum(f.value(in: ring), g.value(in: ring))
        case .product(let f, let g): ring.product(f.value(in: ring), g.value(in: ring))
        case .composition(let f, let g): ring.composition(f.value(in: ring), g.value(in: ring))
        }
    }

    /// The expression as text.
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
