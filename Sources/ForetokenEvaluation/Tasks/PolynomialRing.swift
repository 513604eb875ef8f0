/// F_p[X]/(X^d): polynomials over the integers modulo a prime p, modulo X^d. The ring of arXiv 2404.19737 has p = 7 and d = 5.
///
/// An element is the array of its d coefficients, that of X⁰ first, each in `0..<p`.
public struct PolynomialRing: Sendable, Equatable {
    /// p.
    public let modulus: Int
    /// d.
    public let degree: Int

    /// Creates a ring with single-digit coefficients.
    ///
    /// - Throws: ``EvaluationError/invalid(_:)``.
    public init(modulus: Int, degree: Int) throws {
        guard [2, 3, 5, 7].contains(modulus) else {
            throw EvaluationError.invalid(
                "--modulus \(modulus): must be 2, 3, 5 or 7, so that a coefficient is one digit")
        }
        guard (1...16).contains(degree) else {
            throw EvaluationError.invalid("--degree \(degree): must be 1 to 16")
        }
        (self.modulus, self.degree) = (modulus, degree)
    }

    /// −f.
    public func negation(_ f: [Int]) -> [Int] { f.map { ($0 == 0) ? 0 : modulus - $0 } }

    /// f + g.
    public func sum(_ f: [Int], _ g: [Int]) -> [Int] { zip(f, g).map { ($0 + $1) % modulus } }

    /// f · g, modulo X^d.
    public func product(_ f: [Int], _ g: [Int]) -> [Int] {
        var result = [Int](repeating: 0, count: degree)
        for i in 0..<degree where f[i] != 0 {
            for j in 0..<(degree - i) { result[i + j] = (result[i + j] + f[i] * g[j]) % modulus }
        }
        return result
    }

    /// f(g) by Horner's rule: the polynomial f evaluated at the element g.
    public func composition(_ f: [Int], _ g: [Int]) -> [Int] {
        f.reversed().reduce([Int](repeating: 0, count: degree)) { result, coefficient in
            var next = product(result, g)
            next[0] = (next[0] + coefficient) % modulus
            return next
        }
    }
}
