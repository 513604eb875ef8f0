import CTorch
import Foundation
import Testing

/// Numbers in [-1, 1) that are the same every time.
private func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 32)) / 2_147_483_648
    }
}

/// A packed matrix and the memory it lies in.
private final class Packed {
    private let storage: UnsafeMutableRawPointer
    private(set) var weight: ct_k_weight

    init(_ w: [Float], out: Int, format: Int32 = Int32(CT_K_F32)) {
        let width = Int64(w.count / out)
        storage = .allocate(byteCount: Int(ct_k_packed_bytes(Int64(out), width, format)), alignment: 64)
        weight = ct_k_pack(w, Int64(out), width, format, storage)
    }

    deinit { storage.deallocate() }

    /// The matrix as the kernels see it.
    var values: [Float] {
        var row = [Float](repeating: 0, count: Int(weight.in))
        return (0..<weight.out).flatMap { index in
            ct_k_unpack_row(&weight, index, &row)
            return row
        }
    }
}

private func shape(_ width: Int, heads: Int = 1, shared: Int = 1, dimension: Int = 2) -> ct_k_shape {
    ct_k_shape(
        width: Int64(width), heads: Int64(heads), kv_heads: Int64(shared), head_dim: Int64(dimension), epsilon: 1e-5,
        cosine: nil, sine: nil, positions: 0, device: nil)
}

/// Rows as int8 weights see them: 8 bits and a scale for each group.
private func rounded(_ x: [Float], width: Int) -> [Float] {
    var result = x
    for row in stride(from: 0, to: x.count, by: width) {
        for group in stride(from: row, to: row + width, by: Int(CT_K_INT8_GROUP)) {
            let range = group..<min(group + Int(CT_K_INT8_GROUP), row + width)
            let peak = x[range].map(abs).max() ?? 0
            for index in range where peak > 0 {
                result[index] = (x[index] * (127 / peak)).rounded(.toNearestOrEven) * (peak / 127)
            }
        }
    }
    return result
}

private func product(_ x: [Float], rows: Int, _ w: Packed, norm: [Float]? = nil) -> [Float] {
    var y = [Float](repeating: 7, count: rows * Int(w.weight.out))
    func run(_ norm: UnsafePointer<Float>?) {
        y.withUnsafeMutableBufferPointer { y in
            x.withUnsafeBufferPointer { x in
                withUnsafePointer(to: w.weight) { weight in
                    var (shape, op) = (shape(Int(w.weight.in)), ct_k_op())
                    op.kind = Int32(CT_K_PRODUCT)
                    (op.rows, op.x, op.y, op.weight, op.norm) = (
                        Int64(rows), x.baseAddress, y.baseAddress, weight, norm
                    )
                    ct_k_run(&shape, &op, 1)
                }
            }
        }
    }
    if let norm { norm.withUnsafeBufferPointer { run($0.baseAddress) } } else { run(nil) }
    return y
}

@Suite(.serialized) struct KernelTests {
    private func onEverySet(_ body: (Int32) -> Void) {
        for isa: Int32 in 0...3 where ct_kernels_set_isa(isa) == isa {
            for threads: Int32 in [1, 2] {
                ct_kernels_set_threads(threads)
                body(isa)
            }
        }
        _ = ct_kernels_set_isa(-1)
    }

    @Test(
        arguments: [(1, 1), (3, 5), (17, 8), (33, 19), (250, 40), (256, 300), (700, 33)],
        [CT_K_F32, CT_K_BF16, CT_K_INT8])
    func productEqualsTheNaiveSum(size: (width: Int, out: Int), format: Int) {
        let (width, out) = size
        let w = Packed(numbers(width * out, seed: 1), out: out, format: Int32(format))
        let values = w.values
        onEverySet { _ in
            for rows in [1, 2, 3, 4, 5, 6, 7, 8, 11, 37] {
                var x = numbers(rows * width, seed: 2)
                let y = product(x, rows: rows, w)
                if format == Int(CT_K_INT8) { x = rounded(x, width: width) }
                for row in 0..<rows {
                    for column in 0..<out {
                        let sum = (0..<width).reduce(0.0) {
                            $0 + Double(x[row * width + $1]) * Double(values[column * width + $1])
                        }
                        // float32 sums of up to 700 products below 1, in the kernels' own order: the error is the same on
                        // every machine that has the set.
                        #expect(abs(Double(y[row * out + column]) - sum) < 2e-5)
                    }
                }
            }
        }
    }

    /// The bound is that of the products above.
    @Test func normedProductEqualsItsFormula() {
        onEverySet { _ in
            for width in [1, 5, 16, 33, 250] {
                let (x, scale) = (numbers(3 * width, seed: 9), numbers(width, seed: 10))
                let w = numbers(width * 20, seed: 11)
                let y = product(x, rows: 3, Packed(w, out: 20), norm: scale)
                for row in 0..<3 {
                    let values = x[(row * width)..<((row + 1) * width)].map(Double.init)
                    let factor = 1 / (values.reduce(0) { $0 + $1 * $1 } / Double(width) + 1e-5).squareRoot()
                    for column in 0..<20 {
                        let sum = (0..<width).reduce(0.0) {
                            $0 + values[$1] * factor * Double(scale[$1]) * Double(w[column * width + $1])
                        }
                        #expect(abs(Double(y[row * 20 + column]) - sum) < 2e-5)
                    }
                }
            }
        }
    }

    /// The contract that makes speculation lossless: a row's product is bitwise the same in every pass.
    @Test(arguments: [1, 4, 17, 250, 512], [CT_K_F32, CT_K_BF16, CT_K_INT8])
    func productOfARowIsBitwiseTheSameInEveryPass(width: Int, format: Int) {
        let out = 203
        let w = Packed(numbers(width * out, seed: 4), out: out, format: Int32(format))
        let x = numbers(40 * width, seed: 5)
        var reference: [Int32: [[Float]]] = [:]
        onEverySet { isa in
            let alone =
                reference[isa] ?? (0..<40).map { product(Array(x[($0 * width)..<(($0 + 1) * width)]), rows: 1, w) }
            reference[isa] = alone
            for rows in Array(1...16) + [37] {
                let y = product(x, rows: rows, w)
                for row in 0..<rows { #expect(Array(y[(row * out)..<((row + 1) * out)]) == alone[row]) }
            }
        }
    }

    @Test func packedFormatsAreAsCloseAsTheirBits() {
        let values = numbers(300 * 40, seed: 12)
        #expect(Packed(values, out: 40).values == values)
        for (a, b) in zip(Packed(values, out: 40, format: Int32(CT_K_BF16)).values, values) {
            // Eight bits, rounded to the nearest: at most 1/512.
            #expect(abs(a - b) <= abs(b) / 256)
        }
        for (a, b) in zip(Packed(values, out: 40, format: Int32(CT_K_INT8)).values, values) {
            // Half a step, of which 127 make a group's largest weight, at most 1; 1.001 for the rounding of the scale.
            #expect(abs(a - b) <= 0.5 / 127 * 1.001)
        }
        #expect(
            Packed([Float](repeating: 0, count: 32), out: 2, format: Int32(CT_K_INT8)).values.allSatisfy { $0 == 0 })
    }

    /// 2^50 bytes of normed rows, more than any process may have; not one is read.
    @Test(arguments: [Int32(1), 2]) func aPassWithoutMemorySaysSo(threads: Int32) {
        ct_kernels_set_threads(threads)
        let w = Packed(numbers(16 * 16, seed: 1), out: 16)
        let status = withUnsafePointer(to: w.weight) { weight in
            var (shape, op) = (shape(16), ct_k_op())
            op.kind = Int32(CT_K_PRODUCT)
            (op.rows, op.weight) = (1 << 43, weight)
            return withUnsafeTemporaryAllocation(of: Float.self, capacity: 16) { x in
                (op.x, op.y, op.norm) = (UnsafePointer(x.baseAddress), x.baseAddress, UnsafePointer(x.baseAddress))
                return ct_k_run(&shape, &op, 1)
            }
        }
        #expect(status == CT_OUT_OF_MEMORY)
    }

    @Test func aFilterWithoutMemorySaysSoAndChangesNothing() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let count = 1 << 23
            let x = UnsafeMutablePointer<Float>.allocate(capacity: count)
            x.initialize(repeating: 0.5, count: count)
            // 64 MiB of indices are needed, and there are 16.
            let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).prefix { $0 != " " }
            let most = try #require(rlim_t(pages)) * rlim_t(sysconf(Int32(_SC_PAGESIZE))) + 16 << 20
            var limit = rlimit(rlim_cur: most, rlim_max: most)
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            let kept = ct_k_filter(x, Int64(count), 1, 0, 1, 0.1)
            let isWhole = x[0] == 0.5 && x[count - 1] == 0.5
            _exit(kept == -2 && ct_last_error_kind() == CT_OUT_OF_MEMORY && isWhole ? 7 : 1)
        }
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
        let weights = logits.map { exp(Double($0) / temperature) }
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
