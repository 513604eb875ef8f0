import CTorch
import Testing

/// Numbers in [-1, 1) that are the same every time.
private func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 32)) / 2_147_483_648
    }
}

private func linear(_ x: [Float], rows: Int, w: [Float], out: Int, into start: [Float]? = nil) -> [Float] {
    let width = w.count / out
    var y = start ?? [Float](repeating: 7, count: rows * out)
    y.withUnsafeMutableBufferPointer { y in
        w.withUnsafeBufferPointer { w in
            var job = ct_k_job(
                w: w.baseAddress, out: Int64(out), y: y.baseAddress, y_stride: Int64(out),
                accumulate: start == nil ? 0 : 1)
            ct_k_linear(&job, 1, x, Int64(rows), Int64(width), Int64(width))
        }
    }
    return y
}

@Suite(.serialized) struct KernelTests {
    private func onEverySet(_ body: (Int32) -> Void) {
        for isa: Int32 in 0...2 where ct_kernels_set_isa(isa) == isa {
            for threads: Int32 in [1, 2] {
                ct_kernels_set_threads(threads)
                body(isa)
            }
        }
        _ = ct_kernels_set_isa(-1)
    }

    @Test(arguments: [(1, 1), (3, 5), (17, 8), (33, 19), (250, 40), (256, 300)])
    func productEqualsTheNaiveSum(size: (width: Int, out: Int)) {
        let (width, out) = size
        let w = numbers(width * out, seed: 1)
        onEverySet { _ in
            for rows in [1, 2, 3, 5, 8, 11, 37] {
                let x = numbers(rows * width, seed: 2)
                let start = numbers(rows * out, seed: 3)
                let (y, added) = (
                    linear(x, rows: rows, w: w, out: out), linear(x, rows: rows, w: w, out: out, into: start)
                )
                for row in 0..<rows {
                    for column in 0..<out {
                        let sum = (0..<width).reduce(0.0) {
                            $0 + Double(x[row * width + $1]) * Double(w[column * width + $1])
                        }
                        #expect(abs(Double(y[row * out + column]) - sum) < 1e-5)
                        #expect(abs(Double(added[row * out + column]) - sum - Double(start[row * out + column])) < 1e-5)
                    }
                }
            }
        }
    }

    /// The contract that makes speculation lossless: a row's product is bitwise the same in every pass.
    @Test(arguments: [1, 4, 17, 250, 512])
    func productOfARowIsBitwiseTheSameInEveryPass(width: Int) {
        let out = 203
        let w = numbers(width * out, seed: 4)
        let x = numbers(40 * width, seed: 5)
        var reference: [Int32: [[Float]]] = [:]
        onEverySet { isa in
            let alone =
                reference[isa]
                ?? (0..<40).map { linear(Array(x[($0 * width)..<(($0 + 1) * width)]), rows: 1, w: w, out: out) }
            reference[isa] = alone
            for rows in Array(1...16) + [37] {
                let y = linear(x, rows: rows, w: w, out: out)
                for row in 0..<rows { #expect(Array(y[(row * out)..<((row + 1) * out)]) == alone[row]) }
            }
        }
    }

    @Test(arguments: [2, 4, 8, 10, 32, 64, 72])
    func attentionEqualsTheNaiveOneAndDoesNotDependOnCompanyOrCapacity(dimension: Int) {
        let (heads, shared, longest) = (4, 2, 37)
        func run(_ q: [Float], lengths: [Int], capacity: Int) -> [Float] {
            var keys = [Float](repeating: .nan, count: shared * capacity * dimension)
            var values = keys
            let k = numbers(longest * shared * dimension, seed: 6)
            let v = numbers(longest * shared * dimension, seed: 7)
            let args = (Int64(longest), Int64(shared), Int64(dimension))
            ct_k_cache_append(k, args.0, args.1, args.2, &keys, Int64(capacity), 0)
            ct_k_cache_append(v, args.0, args.1, args.2, &values, Int64(capacity), 0)
            var out = [Float](repeating: 0, count: q.count)
            ct_k_attention(
                q, Int64(lengths.count), Int64(heads), args.1, args.2, keys, values, Int64(capacity),
                lengths.map(Int64.init), 0.3, &out)
            return out
        }
        func naive(_ q: ArraySlice<Float>, length: Int, shared head: Int) -> [Double] {
            let k = numbers(longest * shared * dimension, seed: 6)
            let v = numbers(longest * shared * dimension, seed: 7)
            func at(_ slot: Int) -> Int { (slot * shared + head) * dimension }
            let scores = (0..<length).map { slot in
                zip(q, k[at(slot)...]).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } * 0.3
            }
            let weights = scores.map { exponential($0 - (scores.max() ?? 0)) }
            let total = weights.reduce(0, +)
            return (0..<dimension).map { d in
                (0..<length).reduce(0.0) { $0 + weights[$1] / total * Double(v[at($1) + d]) }
            }
        }
        let rowSize = heads * dimension
        let q = numbers(longest * rowSize, seed: 8)
        onEverySet { _ in
            let lengths = Array(1...longest)
            let all = run(q, lengths: lengths, capacity: longest)
            for row in 0..<longest {
                let slice = Array(q[(row * rowSize)..<((row + 1) * rowSize)])
                let expected = Array(all[(row * rowSize)..<((row + 1) * rowSize)])
                #expect(run(slice, lengths: [row + 1], capacity: longest + 13) == expected)
                for head in 0..<heads {
                    let reference = naive(
                        slice[(head * dimension)..<((head + 1) * dimension)], length: row + 1, shared: head / 2)
                    for (a, b) in zip(expected[(head * dimension)...], reference) { #expect(abs(Double(a) - b) < 1e-5) }
                }
            }
        }
    }

    @Test func normAndGateEqualTheirFormulas() {
        onEverySet { _ in
            for width in [1, 5, 16, 33, 250] {
                let (x, weight) = (numbers(3 * width, seed: 9), numbers(width, seed: 10))
                var y = [Float](repeating: 0, count: 3 * width)
                ct_k_rms_norm(x, 3, Int64(width), weight, 1e-5, &y)
                for row in 0..<3 {
                    let mean = (0..<width).reduce(0.0) {
                        $0 + Double(x[row * width + $1]) * Double(x[row * width + $1])
                    }
                    let factor = 1 / (mean / Double(width) + 1e-5).squareRoot()
                    for i in 0..<width {
                        #expect(
                            abs(Double(y[row * width + i]) - Double(x[row * width + i]) * factor * Double(weight[i]))
                                < 1e-5)
                    }
                }
                let gate = numbers(width, seed: 11).map { $0 * 100 }
                var gated = [Float](repeating: 0, count: width)
                ct_k_swiglu(gate, weight, Int64(width), &gated)
                for i in 0..<width {
                    let expected = Double(gate[i]) / (1 + exponential(-Double(gate[i]))) * Double(weight[i])
                    #expect(abs(Double(gated[i]) - expected) <= 1e-5 * max(1, abs(expected)))
                }
            }
        }
    }

    @Test func rotationTurnsPairsByTheirAngle() {
        var x: [Float] = [1, 2, 3, 4]
        ct_k_rope(&x, 1, 1, 4, [1], [1, 1, 0, 0.6], [0, 0, 1, 0.8])
        for (a, b) in zip(x, [-3, 2 * 0.6 - 4 * 0.8, 1, 4 * 0.6 + 2 * 0.8] as [Float]) { #expect(abs(a - b) < 1e-6) }
    }

    @Test func theLargestValueIsFoundAndNaNRefused() {
        #expect(ct_k_argmax([1, 3, 3, 2], 4) == 1)
        #expect(ct_k_argmax([1, .nan, 3], 3) == -1)
        #expect(ct_k_gumbel_argmax([1, .nan, 3], 3, 1, 0, 0) == -1)
    }

    @Test func theSampleIsTheLargestOfLogitPlusNoise() {
        for position: UInt64 in 0..<300 {
            let logits = numbers(97, seed: position).map { $0 * 6 }
            let values = logits.indices.map {
                Double(logits[$0]) * (1 / 0.8) + ct_k_gumbel(3, position, UInt64($0))
            }
            let best = values.indices.max { values[$0] < values[$1] }
            #expect(ct_k_gumbel_argmax(logits, 97, 0.8, 3, position) == Int64(best ?? -1))
        }
    }

    /// 20,000 draws over 6 outcomes; 20.5 is chi-square's 99.9 % quantile at 5 degrees of freedom.
    @Test func gumbelSamplingFollowsTheSoftmax() {
        let logits: [Float] = [0, 1, -1, 2, 0.5, -3]
        let temperature = 0.7
        let weights = logits.map { exponential(Double($0) / temperature) }
        let total = weights.reduce(0, +)
        var counts = [Double](repeating: 0, count: 6)
        for position in 0..<20_000 { counts[Int(ct_k_gumbel_argmax(logits, 6, temperature, 5, UInt64(position)))] += 1 }
        let statistic = zip(counts, weights).reduce(0.0) { sum, pair in
            let expected = pair.1 / total * 20_000
            return sum + (pair.0 - expected) * (pair.0 - expected) / expected
        }
        #expect(statistic < 20.5)
    }
}

/// e^x by its series; Foundation is not needed for anything else here.
private func exponential(_ x: Double) -> Double {
    if x < 0 { return 1 / exponential(-x) }
    if x > 1 { return exponential(x / 2) * exponential(x / 2) }
    var (term, sum) = (1.0, 1.0)
    for i in 1...25 {
        term *= x / Double(i)
        sum += term
    }
    return sum
}
