import CKernels
import CTorch
import ForetokenFormats
import Foundation
import Testing

@testable import Torch

/// A fused operator with the composition of basic operators that it replaces.
private struct Example: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let shapes: [[Int]]
    let fused: @Sendable ([Tensor]) -> [Tensor]
    let composed: @Sendable ([Tensor]) -> [Tensor]

    init(
        _ name: String, _ shapes: [[Int]], fused: @escaping @Sendable ([Tensor]) -> [Tensor],
        composed: @escaping @Sendable ([Tensor]) -> [Tensor]
    ) {
        testDescription = "\(name) \(shapes.map { $0.map(String.init).joined(separator: "x") }.joined(separator: " "))"
        (self.shapes, self.fused, self.composed) = (shapes, fused, composed)
    }

    /// Reproducible pseudorandom numbers in [-1, 1).
    func inputs() -> [Tensor] {
        var state: UInt64 = 7
        return shapes.map { shape in
            let values: [Double] = (0..<shape.reduce(1, *)).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Double(Int32(truncatingIfNeeded: state >> 32)) / 2_147_483_648
            }
            return Tensor(values, shape: shape)
        }
    }
}

private let epsilon = 1e-5

private func norm(_ x: Tensor, _ weight: Tensor) -> Tensor {
    x * ((x * x).mean(axis: -1, keepingAxis: true) + epsilon).reciprocalSquareRoot() * weight
}

private func mean(_ tensors: [Tensor]) -> Tensor {
    // Different weights for all outputs and elements, so that no gradient is symmetric by accident.
    let sums = tensors.enumerated().map { index, t in
        let weights = Tensor.range(t.count).to(.float64) * 0.37 + Double(index)
        return (t.reshaped(-1) * weights.cos().to(t.dtype)).sum()
    }
    return sums.dropFirst().reduce(sums[0], +)
}

/// The outputs, and the gradients of their ``mean(_:)`` with respect to every input.
private func run(
    _ inputs: [Tensor], dtype: DType, _ body: ([Tensor]) -> [Tensor]
) throws -> (outputs: [[Double]], gradients: [[Double]]) {
    let leaves = inputs.map { $0.to(dtype).copied().requireGradient() }
    let outputs = body(leaves)
    try mean(outputs).backward()
    let gradients = try leaves.map { try #require($0.gradient).to(.float64).contiguous().elements(as: Double.self) }
    return (outputs.map { $0.detached().to(.float64).contiguous().elements() }, gradients)
}

private func largestDifference(_ a: [[Double]], _ b: [[Double]]) -> Double {
    zip(a, b).map { x, y in
        let scale = max(1, y.map(abs).max() ?? 0)
        return zip(x, y).map { abs($0 - $1) }.max().map { ($0.isNaN ? .infinity : $0) / scale } ?? .infinity
    }.max() ?? .infinity
}

private func tables(_ time: Int, _ half: Int) -> (Tensor, Tensor) {
    let angles = Tensor((0..<time * half).map { Double($0) * 0.7 }, shape: [time, half])
    return (angles.cos(), angles.sin())
}

private func attention(_ t: [Tensor], mask: Tensor?) -> [Tensor] {
    let (time, heads, shared, dim) = (t[0].shape[1], t[0].shape[2], t[1].shape[2], t[0].shape[3])
    let repeated = Tensor((0..<heads).map { Int64($0 * shared / heads) })
    let (k, v) = (t[1].selecting(repeated, axis: 2), t[2].selecting(repeated, axis: 2))
    let scores =
        t[0].transposed(1, 2).matmul(k.transposed(1, 2).transposed(2, 3)) * (1 / Double(dim).squareRoot())
    let position = Tensor.range(time)
    let visible = mask ?? position.reshaped(time, 1).isAtLeast(position.reshaped(1, time))
    let blocked = Tensor([-1e30]).to(scores.dtype)
    return [visible.choosing(scores, else: blocked).softmax(axis: 3).matmul(v.transposed(1, 2)).transposed(1, 2)]
}

/// Documents of three tokens.
private func documentMask(_ batch: Int, _ time: Int) -> Tensor {
    let document = Tensor((0..<batch * time).map { Int64($0 % time / 3) })
    let past = Tensor.range(time).reshaped(time, 1).isAtLeast(Tensor.range(time).reshaped(1, time))
    return document.reshaped(batch, 1, time, 1).equals(document.reshaped(batch, 1, 1, time)).and(past)
}

/// The tensors as views that are adjacent in memory.
private func stacked(_ tensors: ArraySlice<Tensor>) -> [Tensor] {
    let all = Tensor.concatenating(Array(tensors), axis: 0)
    var start = 0
    return tensors.map { t in
        defer { start += t.shape[0] }
        return all.narrowed(axis: 0, from: start, count: t.shape[0])
    }
}

/// The attention half of a block, with separate weights and with weights that are adjacent in memory.
private func attentionHalf(_ batch: Int, _ time: Int, _ heads: Int, _ shared: Int, _ dim: Int) -> [Example] {
    let width = 12
    let shapes = [
        [batch, time, width], [width], [heads * dim, width], [shared * dim, width], [shared * dim, width],
        [width, heads * dim],
    ]
    let composed: @Sendable ([Tensor], Tensor?) -> [Tensor] = { t, mask in
        let y = norm(t[0], t[1])
        let (cosine, sine) = tables(time, dim / 2)
        func heads(_ weight: Tensor) -> Tensor { y.linear(weight).reshaped(batch, time, -1, dim) }
        func rope(_ x: Tensor) -> Tensor { x.rope(cosine: cosine.to(x.dtype), sine: sine.to(x.dtype)) }
        let attended = attention([rope(heads(t[2])), rope(heads(t[3])), heads(t[4])], mask: mask)[0]
        return [t[0] + attended.reshaped(batch, time, -1).linear(t[5])]
    }
    func fused(isMasked: Bool, isStacked: Bool) -> @Sendable ([Tensor]) -> [Tensor] {
        return { t in
            let projections = isStacked ? stacked(t[2...4]) : Array(t[2...4])
            let (cosine, sine) = tables(time, dim / 2)
            return [
                t[0].addingAttention(
                    norm: t[1], epsilon: epsilon, query: projections[0], key: projections[1], value: projections[2],
                    output: t[5], headDimension: dim, rotary: (cosine.to(t[0].dtype), sine.to(t[0].dtype)),
                    mask: isMasked ? documentMask(batch, time) : nil)
            ]
        }
    }
    return [
        Example("attention half", shapes, fused: fused(isMasked: false, isStacked: false)) { composed($0, nil) },
        Example("attention half, adjacent, masked", shapes, fused: fused(isMasked: true, isStacked: true)) {
            composed($0, documentMask(batch, time))
        },
    ]
}

private let examples: [Example] =
    [(1, 1), (1, 3), (5, 17), (70, 33), (3, 64)].flatMap { rows, width in
        [
            Example("norm", [[rows, width], [width]]) {
                [$0[0].rmsNorm($0[1], epsilon: epsilon)]
            } composed: {
                [norm($0[0], $0[1])]
            },
            Example("norm, linears", [[rows, width], [width], [5, width], [1, width], [width, width]]) {
                $0[0].rmsNorm($0[1], epsilon: epsilon, linear: Array($0[2...]))
            } composed: { t in
                t[2...].map { norm(t[0], t[1]).linear($0) }
            },
            Example("swiglu", [[1, rows, width], [width], [19, width], [19, width], [width, 19]]) {
                [$0[0].addingSwiGLU(norm: $0[1], epsilon: epsilon, gate: $0[2] * 9, up: $0[3], down: $0[4])]
            } composed: { t in
                let y = norm(t[0], t[1])
                return [t[0] + (y.linear(t[2] * 9).silu() * y.linear(t[3])).linear(t[4])]
            },
            Example("swiglu, adjacent", [[1, rows, width], [width], [19, width], [19, width], [width, 19]]) {
                let both = stacked($0[2...3])
                return [$0[0].addingSwiGLU(norm: $0[1], epsilon: epsilon, gate: both[0], up: both[1], down: $0[4])]
            } composed: { t in
                let y = norm(t[0], t[1])
                return [t[0] + (y.linear(t[2]).silu() * y.linear(t[3])).linear(t[4])]
            },
            Example("add linear", [[2, rows, 7], [2, rows, width], [7, width]]) {
                [$0[0].addingLinear($0[1], $0[2])]
            } composed: {
                [$0[0] + $0[1].linear($0[2])]
            },
        ]
    }
    + [(1, 1, 1, 2), (2, 5, 3, 6), (1, 3, 2, 66)].map { batch, time, heads, dim in
        Example("rope", [[batch, time, heads, dim]]) { t in
            let (cosine, sine) = tables(time, dim / 2)
            return [t[0].rope(cosine: cosine.to(t[0].dtype), sine: sine.to(t[0].dtype))]
        } composed: { t in
            let (c, s) = tables(time, dim / 2)
            let (cosine, sine) = (c.to(t[0].dtype).reshaped(time, 1, -1), s.to(t[0].dtype).reshaped(time, 1, -1))
            let a = t[0].narrowed(axis: 3, from: 0, count: dim / 2)
            let b = t[0].narrowed(axis: 3, from: dim / 2, count: dim / 2)
            return [.concatenating([a * cosine - b * sine, b * cosine + a * sine], axis: 3)]
        }
    }
    // All tile widths, several and partial blocks of queries, shared key heads; a head dimension of 6 uses ATen's attention.
    + [(1, 1, 2, 1, 16), (2, 5, 1, 1, 48), (1, 33, 4, 2, 32), (2, 70, 2, 2, 64), (1, 7, 2, 2, 6)].flatMap { sizes in
        let (batch, time, heads, shared, dim) = sizes
        let shapes = [[batch, time, heads, dim], [batch, time, shared, dim], [batch, time, shared, dim]]
        return [
            Example("causal attention", shapes) {
                [Tensor.attention(query: $0[0] * 3, key: $0[1], value: $0[2], causal: true)]
            } composed: {
                attention([$0[0] * 3, $0[1], $0[2]], mask: nil)
            },
            Example("masked attention", shapes) {
                [
                    Tensor.attention(
                        query: $0[0], key: $0[1], value: $0[2], mask: documentMask(batch, time), causal: false)
                ]
            } composed: {
                attention($0, mask: documentMask(batch, time))
            },
        ]
    }
    + [(2, 5, 3, 1, 16), (1, 33, 4, 2, 32), (2, 40, 2, 2, 16), (1, 4, 2, 1, 6)].flatMap {
        attentionHalf($0.0, $0.1, $0.2, $0.3, $0.4)
    }

@Suite(.serialized) struct TrainingOperatorTests {
    private func onEverySet(_ body: () throws -> Void) rethrows {
        defer {
            _ = ck_set_isa(-1)
            ck_set_threads(ct_threads())
        }
        for isa: Int32 in 0...2 where ck_set_isa(isa) == isa {
            for threads: Int32 in [1, 2] {
                ck_set_threads(threads)
                try body()
            }
        }
    }

    /// float32 has a relative rounding error of 6e-8: with sums of up to 70 terms and the exponential, the error is 5e-7 of the
    /// largest output and 8e-7 of the largest gradient in any summation order. In float64 it is 2e-9 of that.
    @Test(arguments: examples)
    private func kernelsEqualTheCompositionInValueAndEveryGradient(example: Example) throws {
        let expected = try run(example.inputs(), dtype: .float64, example.composed)
        let exact = try run(example.inputs(), dtype: .float64, example.fused)
        #expect(largestDifference(exact.outputs, expected.outputs) < 1e-12)
        #expect(largestDifference(exact.gradients, expected.gradients) < 1e-10)
        try onEverySet {
            let ours = try run(example.inputs(), dtype: .float32, example.fused)
            #expect(largestDifference(ours.outputs, expected.outputs) < 1e-5)
            #expect(largestDifference(ours.gradients, expected.gradients) < 2e-5)
            let again = try run(example.inputs(), dtype: .float32, example.fused)
            #expect(ours.outputs == again.outputs && ours.gradients == again.gradients)
        }
    }

    /// Five-point differences in float64 with h = 3e-4. The truncation error, h⁴/30 of the fifth derivative, is below 1e-11. The
    /// rounding error is at most 1.5 · 2⁻⁵³ · Σ|y| / h: 2e-9 for SwiGLU with its gate times 9, whose outputs sum to 3300. The
    /// tolerance is ten times that.
    @Test(arguments: examples.filter { $0.shapes[0].reduce(1, *) < 100 })
    private func gradientsEqualFiniteDifferences(example: Example) throws {
        let inputs = example.inputs()
        let gradients = try run(inputs, dtype: .float64, example.fused).gradients
        for (index, input) in inputs.enumerated() {
            let values: [Double] = input.elements()
            for element in Set([0, values.count / 2, values.count - 1]) {
                func loss(_ change: Double) -> Double {
                    var (changed, all) = (values, inputs)
                    changed[element] += change
                    all[index] = Tensor(changed, shape: input.shape)
                    return withoutGradient { mean(example.fused(all)).item() }
                }
                let h = 3e-4
                let (near, far) = (loss(h) - loss(-h), loss(2 * h) - loss(-2 * h))
                #expect(abs((8 * near - far) / (12 * h) - gradients[index][element]) < 2e-8)
            }
        }
    }

    @Test(arguments: examples.filter { $0.shapes[0].count >= 3 })
    private func stridedViewsGiveTheSameResults(example: Example) throws {
        let inputs = example.inputs().map { $0.to(.float32) }
        // The same elements with other strides.
        let views = inputs.map { t in
            t.rank < 2 ? t : t.transposed(0, t.rank - 1).contiguous().transposed(0, t.rank - 1)
        }
        func values(_ inputs: [Tensor]) -> [[Double]] {
            withoutGradient { example.fused(inputs) }.map { $0.to(.float64).contiguous().elements() }
        }
        // MKL sums in another order with other strides; each result is up to 5e-7 from the exact value.
        #expect(largestDifference(values(views), values(inputs)) < 1e-5)
        #expect(withoutGradient { example.fused(views) }.allSatisfy { !$0.requiresGradient })
    }

    @Test func aTensorUsedTwiceGetsBothGradients() throws {
        for dtype in [DType.float32, .float64] {
            let x = Tensor([0.5, -1, 2, 0.25], shape: [2, 2]).to(dtype).requireGradient()
            let weight = Tensor([1.5, 0.5]).to(dtype)
            func one() -> Tensor { x.rmsNorm(weight, epsilon: epsilon) }
            try one().sum().backward()
            let single = try #require(x.gradient).to(.float64).elements(as: Double.self)
            x.gradient = nil
            try (one() + one()).sum().backward()
            let double = try #require(x.gradient).to(.float64).elements(as: Double.self)
            // The sum of two equal numbers is exact; allows for a few rounding errors of gradients of about 1.
            for (a, b) in zip(single, double) { #expect(abs(2 * a - b) < 1e-6) }
        }
    }

    @Test func anEmptyBatchIsRefusedWithItsShape() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = try Tensor.zeros([0, 4]).rmsNorm(.zeros([4]), epsilon: 1e-5)
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("at least one row"))
    }

    /// The backward pass of SwiGLU needs x, 1/rms and the two projections; nothing else is saved.
    @Test func nothingIsSavedThatCanBeRecomputed() throws {
        let (rows, width, inner) = (64, 32, 96)
        let x = try Tensor.full(0.5, shape: [rows, width]).requireGradient()
        let scale = try Tensor.full(1, shape: [width])
        let weights = try (0..<2).map { _ in try Tensor.full(0.1, shape: [inner, width]) }
        let down = try Tensor.full(0.1, shape: [width, inner])
        let before = Memory.read().current
        let y = x.addingSwiGLU(norm: scale, epsilon: 1e-5, gate: weights[0], up: weights[1], down: down)
        #expect(Memory.read().current - before == 4 * (rows * width + rows + 2 * rows * inner))
        let after = Memory.read().current
        let projected = x.rmsNorm(scale, epsilon: 1e-5, linear: weights)
        #expect(Memory.read().current - after == 4 * (rows + 2 * rows * inner))
        withExtendedLifetime((y, projected)) {}
    }

    /// The outputs' 68 KiB fit into the limit; 192 KiB of scratch memory for each of two threads do not.
    @Test func attentionWithoutScratchMemoryCallsTheOutOfMemoryHandler() async {
        await #expect(processExitsWith: .exitCode(7)) {
            LibTorch.onOutOfMemory { _ in _exit(7) }
            LibTorch.threads = 2
            let x = try Tensor.zeros([1, 512, 2, 16])
            Memory.setLimit(bytes: Memory.read().current + (160 << 10))
            _ = Tensor.attention(query: x, key: x, value: x, causal: true)
        }
    }

    @Test(arguments: [1, 7, 4096, 40_001])
    func theNormAndAdamWEqualTheirFormulasWhateverTheThreads(count: Int) throws {
        let gradient = (0..<count).map { Float(($0 &* 7919) % 1000) / 500 - 1 }
        let start = (0..<count).map { Float($0 % 13) / 13 }
        let sum = gradient.reduce(0) { $0 + Double($1) * Double($1) }
        var results: [[Float]] = []
        try onEverySet {
            let g = Tensor(gradient)
            // The kernels sum 4096 squares at a time in float32 in a fixed order, so the error is the same on every machine.
            let squares: [Double] = sumsOfSquares(of: [g, g * 2]).elements()
            #expect(abs(squares[0] - sum) < 1e-6 * max(1, sum) && abs(squares[1] - 4 * sum) < 4e-6 * max(1, sum))
            let (w, m, v) = (Tensor(start), try Tensor.zeros([count]), try Tensor.zeros([count]))
            for step in 1...2 {
                adamWStep(
                    parameters: [w], gradients: [g], first: [m], second: [v], decays: [0.1], step: step,
                    norm: Tensor([3.0]).sum(), clip: 1.5, rate: 0.01, betas: (0.9, 0.95), epsilon: 1e-8)
            }
            results.append(w.elements())
            // After two equal gradients, bias-corrected m and v are g and g², so the step is the gradient's sign.
            for (i, value) in w.elements(as: Float.self).enumerated() {
                var expected = Double(start[i])
                let d = Double(gradient[i]) * 0.5
                for _ in 1...2 { expected = expected * (1 - 0.001) - 0.01 * d / (abs(d) + 1e-8) }
                // Two rounding errors of a weight of about 1 in float32, 6e-8 each; those of the steps of 0.01 are smaller.
                #expect(abs(Double(value) - expected) < 1e-5)
            }
        }
        for pair in stride(from: 0, to: results.count, by: 2) { #expect(results[pair] == results[pair + 1]) }
    }

    /// ATen's kernel, used on GPUs, clips and skips the step by the same rules; tested here with float64.
    @Test func atensAdamWClipsAndSkipsLikeTheBuiltInOne() throws {
        func step(_ dtype: DType, norm: Double, clip: Double) throws -> [Double] {
            let w = Tensor((0..<50).map { Double($0) / 50 }).to(dtype)
            let g = Tensor((0..<50).map { Double($0 % 7) - 3 }).to(dtype)
            let (m, v) = (try Tensor.zeros([50], dtype: dtype), try Tensor.zeros([50], dtype: dtype))
            adamWStep(
                parameters: [w], gradients: [g], first: [m], second: [v], decays: [0.1], step: 1,
                norm: Tensor([norm]).sum(), clip: clip, rate: 0.01, betas: (0.9, 0.95), epsilon: 1)
            return w.to(.float64).elements()
        }
        for (norm, clip) in [(3.0, 1.5), (3, 0), (1, 1.5), (.nan, 1), (.infinity, 0)] {
            let (builtin, aten) = (
                try step(.float32, norm: norm, clip: clip), try step(.float64, norm: norm, clip: clip)
            )
            // Allows for several float32 rounding errors of 6e-8 in the weights.
            for (a, b) in zip(builtin, aten) { #expect(abs(a - b) < 1e-6) }
            #expect(norm.isFinite || builtin[49] == Double(Float(49.0 / 50)))
        }
    }
}
