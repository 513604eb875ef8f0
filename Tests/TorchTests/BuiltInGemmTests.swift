import CKernels
import CTorch
import ForetokenFormats
import Testing

@testable import Torch

/// Whether the CPU supports the built-in GEMM; without AVX2, LibTorch's GEMM is used.
private let hasBuiltInGEMM: Bool = {
    defer { _ = ck_set_isa(-1) }
    return ck_set_isa(1) == 1
}()

/// The built-in GEMM compared with float64, in every instruction set that the CPU supports.
@Suite(.serialized, .enabled(if: hasBuiltInGEMM, "needs a CPU with AVX2")) struct BuiltInGemmTests {
    private static let shapes = [
        [1, 1, 1], [1, 33, 7], [15, 1, 3], [14, 32, 384], [13, 31, 385], [29, 67, 769], [200, 1100, 5], [300, 40, 900],
    ]

    @Test(arguments: shapes, [false, true])
    func resultsEqualThoseInFloat64(shape: [Int], transposed: Bool) throws {
        defer {
            _ = ck_set_isa(-1)
            ck_set_threads(ct_threads())
            ct_set_builtin_gemm(-1)
        }
        func numbers(_ rows: Int, _ columns: Int, _ seed: Double) throws -> Tensor {
            let line = (Tensor.range(rows * columns).to(.float64) * seed).cos().to(.float32)
            return transposed
                ? line.reshaped(columns, rows).transposed(0, 1) : line.reshaped(rows, columns)
        }
        let (m, n, k) = (shape[0], shape[1], shape[2])
        let (a, b) = (try numbers(m, k, 0.37), try numbers(k, n, 0.61))
        let exact = a.to(.float64).matmul(b.to(.float64)).contiguous().elements(as: Double.self)
        for threads: Int32 in [1, 3] {
            ck_set_threads(threads)
            for isa: Int32 in 1...2 where ck_set_isa(isa) == isa {
                ct_set_builtin_gemm(1)
                let found = withoutGradient { a.matmul(b) }.to(.float64).contiguous().elements(as: Double.self)
                let difference = zip(found, exact).map { abs($0 - $1) }.max() ?? .infinity
                // Partial sums of these cosines stay below 12, so an addition rounds by at most 6e-8 of that. NumPy's results
                // differed by 6e-6 at k = 900.
                #expect(difference < 1e-6 * Double(k) + 1e-6, "instruction set \(isa), \(threads) threads")
            }
        }
    }

    /// An element depends neither on the number of other rows nor on the number of threads.
    @Test func rowsAndThreadsChangeNothing() throws {
        defer {
            _ = ck_set_isa(-1)
            ck_set_threads(ct_threads())
            ct_set_builtin_gemm(-1)
        }
        ct_set_builtin_gemm(1)
        let a = (Tensor.range(100 * 500).to(.float64) * 0.37).cos().to(.float32).reshaped(100, 500)
        let b = (Tensor.range(500 * 90).to(.float64) * 0.61).cos().to(.float32).reshaped(500, 90)
        for isa: Int32 in 1...2 where ck_set_isa(isa) == isa {
            ck_set_threads(1)
            let whole = a.matmul(b).elements(as: Float.self)
            ck_set_threads(4)
            #expect(a.matmul(b).elements(as: Float.self) == whole)
            let few = a.narrowed(axis: 0, from: 7, count: 3).matmul(b).elements(as: Float.self)
            #expect(few == Array(whole[(7 * 90)..<(10 * 90)]))
        }
    }

    /// The gradients of input and weight equal LibTorch's.
    @Test func linearHasTheGradientsOfLibTorch() throws {
        defer {
            _ = ck_set_isa(-1)
            ct_set_builtin_gemm(-1)
        }
        func gradients(builtin: Int32) throws -> [[Float]] {
            ct_set_builtin_gemm(builtin)
            let x = (Tensor.range(2 * 5 * 40).to(.float64) * 0.3).cos().to(.float32).reshaped(2, 5, 40)
                .requireGradient()
            let w = (Tensor.range(30 * 40).to(.float64) * 0.7).cos().to(.float32).reshaped(30, 40).requireGradient()
            let y = x.linear(w)
            #expect(y.shape == [2, 5, 30])
            try (y * y).sum().backward()
            return [try #require(x.gradient).elements(), try #require(w.gradient).elements()]
        }
        for isa: Int32 in 1...2 where ck_set_isa(isa) == isa {
            for (found, expected) in zip(try gradients(builtin: 1), try gradients(builtin: 0)) {
                // Gradients reach 112; float32 rounds them by 3e-5.
                #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-3 })
            }
        }
    }
}
