import Testing

@testable import ForetokenEvaluation

struct ArithmeticTaskTests {
    static let rings = [(7, 5), (3, 2), (2, 1), (5, 3)]

    /// F_p[X]/(X^d) is isomorphic to the polynomials in N, the d×d matrix with ones below the diagonal: an independent reference.
    private struct Matrix: Equatable {
        var rows: [[Int]]
        let p: Int

        init(_ f: [Int], p: Int) {
            self.p = p
            rows = f.indices.map { i in f.indices.map { j in i >= j ? f[i - j] : 0 } }
        }

        func zip(_ other: Matrix, _ body: (Int, Int) -> Int) -> Matrix {
            var result = self
            for i in rows.indices { for j in rows.indices { result.rows[i][j] = body(rows[i][j], other.rows[i][j]) } }
            return result
        }

        static func + (a: Matrix, b: Matrix) -> Matrix { a.zip(b) { ($0 + $1) % a.p } }

        static func * (a: Matrix, b: Matrix) -> Matrix {
            var result = a
            for i in a.rows.indices {
                for j in a.rows.indices {
                    result.rows[i][j] = a.rows.indices.reduce(0) { $0 + a.rows[i][$1] * b.rows[$1][j] } % a.p
                }
            }
            return result
        }

        /// The element; its coefficients are the first column.
        var element: [Int] { rows.map { $0[0] } }
    }

    /// Parses and evaluates an expression with matrices.
    private struct Reader {
        var text: Substring
        let p: Int
        let d: Int

        mutating func element() -> [Int] {
            switch text.first {
            case "-":
                text.removeFirst()
                let f = Matrix(element(), p: p)
                return f.zip(f) { value, _ in (p - value) % p }.element
            case "(":
                text.removeFirst()
                let f = element()
                let sign = text.removeFirst()
                let g = element()
                #expect(text.removeFirst() == ")")
                let (a, b) = (Matrix(f, p: p), Matrix(g, p: p))
                if sign == "+" { return (a + b).element }
                if sign == "*" { return (a * b).element }
                #expect(sign == "@")
                // f(g) as the sum of f_i g^i.
                var (power, sum) = (Matrix([1] + [Int](repeating: 0, count: d - 1), p: p), a.zip(a) { _, _ in 0 })
                for coefficient in f {
                    sum = sum + power.zip(power) { value, _ in value * coefficient % p }
                    power = power * b
                }
                return sum.element
            default:
                let digits = text.prefix(d).compactMap(\.wholeNumberValue)
                text.removeFirst(d)
                return digits
            }
        }
    }

    @Test(arguments: rings) func valuesAreThoseOfMatrixAlgebra(p: Int, d: Int) throws {
        let ring = try PolynomialRing(modulus: p, degree: d)
        var generator = SeededGenerator(seed: 1)
        for operations in 0...8 {
            for _ in 0..<40 {
                let expression = PolynomialExpression.random(operations: operations, in: ring, using: &generator)
                var reader = Reader(text: Substring(expression.text), p: p, d: d)
                #expect(reader.element() == expression.value(in: ring), "\(expression.text)")
                #expect(reader.text.isEmpty)
                #expect(expression.text.count { "-+*@".contains($0) } == operations)
            }
        }
    }

    /// Every pair of elements of F_3[X]/(X²), with a + bX as a pair: (a + bX)(c + dX) = ac + (ad + bc)X, and
    /// a + b(c + dX) = (a + bc) + bdX.
    @Test func everyPairOfTheReducedRingIsComputedAsByHand() throws {
        let ring = try PolynomialRing(modulus: 3, degree: 2)
        for code in 0..<81 {
            let (a, b, c, d) = (code / 27, code / 9 % 3, code / 3 % 3, code % 3)
            #expect(ring.sum([a, b], [c, d]) == [(a + c) % 3, (b + d) % 3])
            #expect(ring.product([a, b], [c, d]) == [a * c % 3, (a * d + b * c) % 3])
            #expect(ring.composition([a, b], [c, d]) == [(a + b * c) % 3, b * d % 3])
            #expect(ring.sum([a, b], ring.negation([a, b])) == [0, 0])
        }
    }

    @Test func documentsAndQuestionsAreDeterministicAndShareNoExpression() throws {
        let task = try ArithmeticTask(
            ring: PolynomialRing(modulus: 3, degree: 2), operations: 2, mostOperations: 3, pauses: 4, questions: 50)
        func documents(_ seed: UInt64, _ isValidation: Bool) throws -> [String] {
            var generator = SeededGenerator(seed: seed)
            return try (0..<4000).map { _ in try task.document(isValidation: isValidation, using: &generator) }
        }
        let training = try documents(1, false)
        #expect(try training == documents(1, false))
        #expect(try training != documents(2, false))
        let questions = try task.test(seed: 0)
        #expect(try questions == task.test(seed: 0))
        #expect(Set(questions.map(\.prompt)).count == questions.count)
        #expect(Set(questions.map { $0.prompt + $0.answer }).isDisjoint(with: training))
        #expect(try Set(documents(1, true)).isDisjoint(with: training))
        #expect(questions.allSatisfy { $0.prompt.hasSuffix("....=") && $0.answer.count == 2 })
        #expect(training.allSatisfy { $0.dropLast(2).hasSuffix("....=") })
        // There are 252 expressions with one operation, about a tenth of them for the test; with more operations there are enough.
        let counts = Dictionary(grouping: questions) { $0.operations }.mapValues(\.count)
        #expect((10...50).contains(counts[1] ?? 0) && counts[2] == 50 && counts[3] == 50)
        #expect(questions.allSatisfy { $0.isInDomain == ($0.operations ?? 0 <= 2) })
    }

    @Test func operatorsAreUniformAndNumbersOfOperationsInTrainingToo() throws {
        let task = try ArithmeticTask(ring: PolynomialRing(modulus: 7, degree: 5))
        var generator = SeededGenerator(seed: 3)
        var (kinds, counts): ([Character: Int], [Int: Int]) = ([:], [:])
        for _ in 0..<5000 {
            let signs = try task.document(isValidation: false, using: &generator).filter { "-+*@".contains($0) }
            counts[signs.count, default: 0] += 1
            for sign in signs { kinds[sign, default: 0] += 1 }
        }
        // Five standard deviations: 141 for 1000 of 5000, 265 for a quarter of 15000.
        #expect(counts.count == 5 && counts.values.allSatisfy { abs($0 - 1000) < 141 }, "\(counts)")
        let all = kinds.values.reduce(0, +)
        #expect(kinds.count == 4 && kinds.values.allSatisfy { abs($0 - all / 4) < 265 }, "\(kinds)")
    }

    @Test func settingsWithoutSenseAreRefusedByTheirOption() throws {
        let ring = try PolynomialRing(modulus: 3, degree: 2)
        for (option, body) in [
            ("--modulus", { _ = try PolynomialRing(modulus: 4, degree: 2) }),
            ("--degree", { _ = try PolynomialRing(modulus: 3, degree: 0) }),
            ("--operations", { _ = try ArithmeticTask(ring: ring, operations: 0) }),
            ("--test-operations", { _ = try ArithmeticTask(ring: ring, operations: 5, mostOperations: 4) }),
            ("--pauses", { _ = try ArithmeticTask(ring: ring, pauses: -1) }),
        ] as [(String, () throws -> Void)] {
            let error = #expect(throws: EvaluationError.self) { try body() }
            #expect(error?.description.contains(option) == true, "\(option): \(error?.description ?? "")")
        }
    }
}
