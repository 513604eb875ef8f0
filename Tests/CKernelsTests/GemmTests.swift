import CKernels
import Foundation
import Testing

/// Rows as int8 weights see them: 8 bits and a scale for each group.
private func rounded(_ x: [Float], width: Int) -> [Float] {
    var result = x
    for row in stride(from: 0, to: x.count, by: width) {
        for group in stride(from: row, to: row + width, by: Int(CK_INT8_GROUP)) {
            let range = group..<min(group + Int(CK_INT8_GROUP), row + width)
            let peak = x[range].map(abs).max() ?? 0
            for index in range where peak > 0 {
                result[index] = (x[index] * (127 / peak)).rounded(.toNearestOrEven) * (peak / 127)
            }
        }
    }
    return result
}

private func gemm(_ x: [Float], rows: Int, _ w: Packed, norm: [Float]? = nil) -> [Float] {
    var y = [Float](repeating: 7, count: rows * Int(w.weight.out))
    func run(_ norm: UnsafePointer<Float>?) {
        y.withUnsafeMutableBufferPointer { y in
            x.withUnsafeBufferPointer { x in
                withUnsafePointer(to: w.weight) { weight in
                    var (shape, op) = (ck_shape(), ck_op())
                    (shape.width, shape.epsilon, op.kind) = (w.weight.in, 1e-5, Int32(CK_GEMM))
                    (op.rows, op.x, op.y, op.weight, op.norm) = (
                        Int64(rows), x.baseAddress, y.baseAddress, weight, norm
                    )
                    ck_run(&shape, nil, &op, 1)
                }
            }
        }
    }
    if let norm { norm.withUnsafeBufferPointer { run($0.baseAddress) } } else { run(nil) }
    return y
}

extension KernelTests {
    @Suite struct GemmTests {
        @Test(
            arguments: [(1, 1), (3, 5), (17, 8), (33, 19), (250, 40), (256, 300), (700, 33)],
            [CK_F32, CK_BF16, CK_INT8])
        func gemmEqualsTheNaiveSum(size: (width: Int, out: Int), format: Int) {
            let (width, out) = size
            let w = Packed(numbers(width * out, seed: 1), out: out, format: Int32(format))
            let values = w.values
            onEverySet { _ in
                for rows in [1, 2, 3, 4, 5, 6, 7, 8, 11, 37] {
                    var x = numbers(rows * width, seed: 2)
                    let y = gemm(x, rows: rows, w)
                    if format == Int(CK_INT8) { x = rounded(x, width: width) }
                    for row in 0..<rows {
                        for column in 0..<out {
                            let sum = (0..<width).reduce(0.0) {
                                $0 + Double(x[row * width + $1]) * Double(values[column * width + $1])
                            }
                            // float32 sums of up to 700 terms below 1, in the kernels' order of summation: the error is the same on
                            // every machine with this instruction set.
                            #expect(abs(Double(y[row * out + column]) - sum) < 2e-5)
                        }
                    }
                }
            }
        }

        /// The bound is that of the GEMMs above.
        @Test func normedGEMMEqualsItsFormula() {
            onEverySet { _ in
                for width in [1, 5, 16, 33, 250] {
                    let (x, scale) = (numbers(3 * width, seed: 9), numbers(width, seed: 10))
                    let w = numbers(width * 20, seed: 11)
                    let y = gemm(x, rows: 3, Packed(w, out: 20), norm: scale)
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

        /// The contract that makes speculation lossless: a row's result is bitwise the same in every pass.
        @Test(arguments: [1, 4, 17, 250, 512], [CK_F32, CK_BF16, CK_INT8])
        func gemmOfARowIsBitwiseTheSameInEveryPass(width: Int, format: Int) {
            let out = 203
            let w = Packed(numbers(width * out, seed: 4), out: out, format: Int32(format))
            let x = numbers(40 * width, seed: 5)
            var reference: [Int32: [[Float]]] = [:]
            onEverySet { isa in
                let alone =
                    reference[isa] ?? (0..<40).map { gemm(Array(x[($0 * width)..<(($0 + 1) * width)]), rows: 1, w) }
                reference[isa] = alone
                for rows in Array(1...16) + [37] {
                    let y = gemm(x, rows: rows, w)
                    for row in 0..<rows { #expect(Array(y[(row * out)..<((row + 1) * out)]) == alone[row]) }
                }
            }
        }

        @Test func packedFormatsAreAsCloseAsTheirBits() {
            let values = numbers(300 * 40, seed: 12)
            #expect(Packed(values, out: 40).values == values)
            for (a, b) in zip(Packed(values, out: 40, format: Int32(CK_BF16)).values, values) {
                // Eight bits, rounded to the nearest: at most 1/512.
                #expect(abs(a - b) <= abs(b) / 256)
            }
            for (a, b) in zip(Packed(values, out: 40, format: Int32(CK_INT8)).values, values) {
                // Half a step, of which 127 make a group's largest weight, at most 1; 1.001 for the rounding of the scale.
                #expect(abs(a - b) <= 0.5 / 127 * 1.001)
            }
            #expect(
                Packed([Float](repeating: 0, count: 32), out: 2, format: Int32(CK_INT8)).values.allSatisfy { $0 == 0 })
        }

        /// 2^50 bytes of normed rows, more than any process may have; not one is read.
        @Test(arguments: [Int32(1), 2]) func aPassWithoutMemorySaysSo(threads: Int32) {
            ck_set_threads(threads)
            defer { ck_set_threads(ck_default_threads()) }
            let w = Packed(numbers(16 * 16, seed: 1), out: 16)
            let status = withUnsafePointer(to: w.weight) { weight in
                var (shape, op) = (ck_shape(), ck_op())
                (shape.width, shape.epsilon, op.kind) = (16, 1e-5, Int32(CK_GEMM))
                (op.rows, op.weight) = (1 << 43, weight)
                return withUnsafeTemporaryAllocation(of: Float.self, capacity: 16) { x in
                    (op.x, op.y, op.norm) = (UnsafePointer(x.baseAddress), x.baseAddress, UnsafePointer(x.baseAddress))
                    return ck_run(&shape, nil, &op, 1)
                }
            }
            #expect(status == CK_OUT_OF_MEMORY)
        }
    }
}
