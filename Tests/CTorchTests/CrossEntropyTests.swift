import CKernels
import CTorch
import Testing

#if canImport(Glibc)
    import Glibc
#endif

private func uniform(_ count: Int, seed: UInt64, scale: Double = 1) -> [Double] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(Float(Int32(truncatingIfNeeded: state >> 32)) / 2_147_483_648 * Float(scale))
    }
}

/// The inputs of a head's output stage: hidden [N, D], norm [D], unembedding [V, D], targets and probabilities [N, k].
private struct Problem {
    var rows, width, vocabulary: Int
    var k = 1
    var targets: [Int64] = []
    var probabilities: [Double]?
    var hidden: [Double]
    var norm: [Double]
    var unembedding: [Double]
    var scale = 0.25
    let epsilon = 1e-5

    init(rows: Int, width: Int, vocabulary: Int, k: Int = 1, soft: Bool = false, logits: Double = 1) {
        (self.rows, self.width, self.vocabulary, self.k) = (rows, width, vocabulary, k)
        hidden = uniform(rows * width, seed: 1)
        norm = uniform(width, seed: 2).map { 1 + $0 / 2 }
        unembedding = uniform(vocabulary * width, seed: 3, scale: logits)
        targets = uniform(rows * k, seed: 4).map { Int64(($0 + 1) / 2 * 0.999 * Double(vocabulary)) }
        if soft { probabilities = uniform(rows * k, seed: 5).map { ($0 + 1) / 2 } }
    }

    struct Result {
        var loss = 0.0
        var hidden, norm, unembedding: [Double]
    }

    /// The definition, in float64 with all logits.
    func bruteForce() -> Result {
        var result = Result(
            hidden: hidden.map { _ in 0 }, norm: norm.map { _ in 0 }, unembedding: unembedding.map { _ in 0 })
        for row in 0..<rows where targets[row * k] != -100 {
            let x = hidden[row * width..<(row + 1) * width].map(\.self)
            let inverse = 1 / (x.reduce(0) { $0 + $1 * $1 } / Double(width) + epsilon).squareRoot()
            let y = (0..<width).map { x[$0] * inverse * norm[$0] }
            let logits = (0..<vocabulary).map { v in (0..<width).reduce(0) { $0 + unembedding[v * width + $1] * y[$1] }
            }
            let largest = logits.max() ?? 0
            let sum = logits.reduce(0) { $0 + exp($1 - largest) }
            var gradient = [Double](repeating: 0, count: vocabulary)
            for j in 0..<k {
                let p = probabilities?[row * k + j] ?? 1
                let target = Int(targets[row * k + j])
                result.loss -= p * (logits[target] - largest - log(sum))
                for v in 0..<vocabulary { gradient[v] += scale * p * exp(logits[v] - largest) / sum }
                gradient[target] -= scale * p
            }
            var dy = [Double](repeating: 0, count: width)
            for v in 0..<vocabulary {
                for d in 0..<width {
                    dy[d] += gradient[v] * unembedding[v * width + d]
                    result.unembedding[v * width + d] += gradient[v] * y[d]
                }
            }
            let along = (0..<width).reduce(0) { $0 + dy[$1] * norm[$1] * x[$1] } / Double(width)
            for d in 0..<width {
                result.norm[d] += dy[d] * x[d] * inverse
                result.hidden[row * width + d] = inverse * (dy[d] * norm[d] - x[d] * inverse * inverse * along)
            }
        }
        return result
    }

    /// `start`: the initial value of the gradients, nil for none. `givesRows`: passes the indices of the rows that contribute.
    func fused(dtype: Int32, logitsBytes: Int, start: Double? = nil, givesRows: Bool = false) throws -> Result {
        func tensor<Element>(_ values: [Element], _ shape: [Int], _ dtype: Int32) throws -> ct_tensor {
            try #require(
                values.withUnsafeBytes {
                    ct_from_bytes($0.baseAddress, $0.count, shape.map(Int64.init), Int32(shape.count), dtype)
                })
        }
        func numbers(_ values: [Double], _ shape: [Int]) throws -> ct_tensor {
            dtype == Int32(CT_FLOAT32)
                ? try tensor(values.map(Float.init), shape, dtype) : try tensor(values, shape, dtype)
        }
        func read(_ tensor: ct_tensor?, _ count: Int) throws -> [Double] {
            let tensor = try #require(tensor)
            defer { ct_release(tensor) }
            if dtype == Int32(CT_FLOAT32) {
                var values = [Float](repeating: 0, count: count)
                #expect(ct_copy_to_bytes(tensor, &values, count * 4) == CT_OK)
                return values.map(Double.init)
            }
            var values = [Double](repeating: 0, count: count)
            #expect(ct_copy_to_bytes(tensor, &values, count * 8) == CT_OK)
            return values
        }
        ct_initialize()
        let x = try numbers(hidden, [rows, width])
        let w = try numbers(norm, [width])
        let u = try numbers(unembedding, [vocabulary, width])
        let t = try tensor(targets, [rows, k], Int32(CT_INT64))
        let p = try probabilities.map { try numbers($0, [rows, k]) }
        let counting = (0..<rows).filter { targets[$0 * k] != -100 }.map(Int64.init)
        let r = givesRows ? try tensor(counting, [counting.count], Int32(CT_INT64)) : nil
        defer { for handle in [x, w, u, t, p, r].compactMap(\.self) { ct_release(handle) } }
        for parameter in [w, u] { #expect(ct_set_requires_grad(parameter, true) == CT_OK) }
        if let start {
            for (parameter, count, shape) in [(w, width, [width]), (u, vocabulary * width, [vocabulary, width])] {
                let gradient = try numbers([Double](repeating: start, count: count), shape)
                #expect(ct_set_grad(parameter, gradient) == CT_OK)
                ct_release(gradient)
            }
        }
        var (sum, gradient): (ct_tensor?, ct_tensor?)
        let status = ct_fused_cross_entropy(
            x, w, epsilon, u, t, p, r, -100, scale, Int64(logitsBytes), &sum, &gradient)
        guard status == CT_OK else { throw Failure(message: String(cString: ct_last_error())) }
        let scalar = try #require(sum)
        defer { ct_release(scalar) }
        var loss = 0.0
        #expect(ct_item(scalar, &loss) == CT_OK)
        return Result(
            loss: loss, hidden: try read(gradient, rows * width), norm: try read(ct_grad(w), width),
            unembedding: try read(ct_grad(u), vocabulary * width))
    }
}

private struct Failure: Error { let message: String }

private func expectEqual(_ a: Problem.Result, _ b: Problem.Result, within tolerance: Double, plus start: Double = 0) {
    #expect(abs(a.loss - b.loss) <= tolerance * max(1, abs(b.loss)))
    for (name, found, expected, start) in [
        ("hidden", a.hidden, b.hidden, 0), ("norm", a.norm, b.norm, start),
        ("unembedding", a.unembedding, b.unembedding, start),
    ] {
        let size = max(1, expected.map(abs).max() ?? 0)
        let worst = zip(found, expected).map { abs($0 - start - $1) }.reduce(0) { $0.isNaN || $1 > $0 ? $1 : $0 }
        #expect(worst <= tolerance * size, "\(name) is off by \(worst) of \(size)")
    }
}

@Suite(.serialized) struct CrossEntropyTests {
    /// Runs the body with the kernels of each instruction set in float32, and with ATen's operators in float64.
    private func onEveryPath(_ body: (_ dtype: Int32, _ tolerance: Double) throws -> Void) throws {
        for isa: Int32 in 0...2 where ck_set_isa(isa) == isa {
            for threads: Int32 in [1, 2] {
                ct_set_threads(threads)
                // Float32 sums over D and V; relative to the largest entry.
                try body(Int32(CT_FLOAT32), 1e-5)
            }
        }
        _ = ck_set_isa(-1)
        try body(Int32(CT_FLOAT64), 1e-10)
    }

    @Test(arguments: [(1, 1, 1), (1, 3, 2), (5, 8, 7), (33, 20, 65), (70, 24, 257), (130, 40, 1000)])
    func lossAndGradientsEqualTheDefinition(size: (rows: Int, width: Int, vocabulary: Int)) throws {
        let problem = Problem(rows: size.rows, width: size.width, vocabulary: size.vocabulary)
        let expected = problem.bruteForce()
        try onEveryPath { dtype, tolerance in
            // One chunk, several chunks with a smaller last one, and chunks of one row.
            for bytes in [64 << 20, 48 * size.vocabulary * 8, 1] {
                expectEqual(try problem.fused(dtype: dtype, logitsBytes: bytes), expected, within: tolerance)
            }
        }
    }

    @Test func gradientsAreAccumulated() throws {
        let problem = Problem(rows: 20, width: 6, vocabulary: 30)
        let expected = problem.bruteForce()
        try onEveryPath { dtype, tolerance in
            let result = try problem.fused(dtype: dtype, logitsBytes: 16 * 30 * 4, start: 3)
            expectEqual(result, expected, within: tolerance, plus: 3)
        }
    }

    @Test func ignoredRowsContributeNothing() throws {
        var problem = Problem(rows: 60, width: 9, vocabulary: 50)
        for row in 0..<60 where row % 3 != 1 { problem.targets[row] = -100 }
        let expected = problem.bruteForce()
        try onEveryPath { dtype, tolerance in
            for givesRows in [false, true] {
                expectEqual(
                    try problem.fused(dtype: dtype, logitsBytes: 8 * 50 * 4, givesRows: givesRows), expected,
                    within: tolerance)
            }
        }
    }

    @Test func allRowsMaskedGiveZeroAndNoNaN() throws {
        var problem = Problem(rows: 4, width: 5, vocabulary: 6)
        problem.targets = problem.targets.map { _ in -100 }
        try onEveryPath { dtype, _ in
            for givesRows in [false, true] {
                let result = try problem.fused(dtype: dtype, logitsBytes: 1 << 20, givesRows: givesRows)
                #expect(result.loss == 0)
                #expect((result.hidden + result.norm + result.unembedding).allSatisfy { $0 == 0 })
            }
        }
    }

    @Test func logitsOfTenThousandNeitherOverflowNorVanish() throws {
        var problem = Problem(rows: 6, width: 4, vocabulary: 40)
        // Entries of ±2500 and normalised rows with a sum of magnitudes of about 4: logits up to ±1e4.
        problem.unembedding = uniform(160, seed: 9).map { $0 > 0 ? 2500 : -2500 }
        problem.norm = [1, 1, 1, 1]
        problem.hidden = uniform(24, seed: 8).map { $0 > 0 ? 1 : -1 }
        let expected = problem.bruteForce()
        #expect(expected.loss > 1e4)
        try onEveryPath { dtype, tolerance in
            // In float32 a logit of 1e4 has an error of 1e-3, and so has the probability of one near the largest.
            expectEqual(
                try problem.fused(dtype: dtype, logitsBytes: 1 << 20), expected,
                within: dtype == Int32(CT_FLOAT32) ? 2e-3 : tolerance)
        }
    }

    @Test(arguments: [1, 3])
    func softTargetsWeighSeveralTokensOfAPosition(k: Int) throws {
        var problem = Problem(rows: 21, width: 7, vocabulary: 11, k: k, soft: true)
        problem.targets[2 * k] = -100
        // The same token twice counts twice.
        if k == 3 { problem.targets[9 * k + 1] = problem.targets[9 * k] }
        let expected = problem.bruteForce()
        try onEveryPath { dtype, tolerance in
            expectEqual(try problem.fused(dtype: dtype, logitsBytes: 8 * 11 * 4), expected, within: tolerance)
        }
    }

    @Test(arguments: [Int64(11), -1, -101, .max, .min])
    func aTargetOutsideTheVocabularyIsAnErrorAndNoCrash(target: Int64) throws {
        var problem = Problem(rows: 3, width: 4, vocabulary: 11)
        problem.targets[1] = target
        for dtype in [CT_FLOAT32, CT_FLOAT64] {
            #expect(throws: Failure.self) { try problem.fused(dtype: Int32(dtype), logitsBytes: 1 << 20) }
        }
    }

    @Test func aNaNReachesTheLoss() throws {
        var problem = Problem(rows: 3, width: 4, vocabulary: 70)
        problem.unembedding[5] = .nan
        try onEveryPath { dtype, _ in
            let loss = try problem.fused(dtype: dtype, logitsBytes: 1 << 20).loss
            #expect(loss.isNaN)
        }
    }

    @Test func chunksAreEqualAndWithinTheBound() {
        for (rows, vocabulary, bytes) in [
            (2048, 32000, 64 << 20), (4096, 256, 64 << 20), (7, 100, 1), (0, 5, 5), (100, 3, 600),
        ] {
            let chunk = Int(ct_fused_cross_entropy_chunk(Int64(rows), Int64(vocabulary), 4, Int64(bytes)))
            #expect(chunk >= 1 || rows == 0)
            #expect(chunk <= 1 || chunk * vocabulary * 4 <= bytes)
            if chunk > 0 {
                let most = max(1, bytes / (vocabulary * 4))
                #expect((rows + chunk - 1) / chunk == (rows + most - 1) / most, "no more chunks than the bound needs")
            }
        }
        #expect(ct_fused_cross_entropy_chunk(2048, 32000, 4, 64 << 20) == 512)
    }
}
