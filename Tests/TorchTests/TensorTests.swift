import ForetokenFiles
import ForetokenFormats
import Testing

@testable import Torch

@Suite(.serialized) struct TensorTests {
    @Test func elementsShapesAndViewsComeBack() {
        let x = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        #expect(x.shape == [2, 3])
        #expect(x.transposed(0, 1).contiguous().elements() == [1, 4, 2, 5, 3, 6] as [Float])
        #expect(x.narrowed(axis: 1, from: 1, count: 2).contiguous().elements() == [2, 3, 5, 6] as [Float])
        #expect(x.reshaped(3, -1).shape == [3, 2])
        #expect(Tensor.concatenating([x, x], axis: 0).shape == [4, 3])
        #expect((x * 2 + x - x / x).elements() == [2, 5, 8, 11, 14, 17] as [Float])
        #expect(x.sum(axis: 0).elements() == [5, 7, 9] as [Float])
        #expect(x.argmax(axis: 1).elements() == [2, 2] as [Int64])
        #expect(x.sum().item() == 21)
        #expect(Tensor.range(3).elements() == [0, 1, 2] as [Int64])
        #expect(x.to(.float64).dtype == .float64)
    }

    @Test func gradientsFlowAccumulateAndStop() throws {
        let x = Tensor([3.0, -2.0]).requireGradient()
        try (x * x).sum().backward()
        try (x * 10).sum().backward()
        #expect(x.gradient?.elements(as: Double.self) == [16, 6])
        x.gradient = nil
        #expect(x.gradient == nil)
        let y = x.detached(requiresGradient: true)
        try (y * y).backward(gradient: Tensor([1.0, 100.0]))
        #expect(x.gradient == nil)
        #expect(y.gradient?.elements(as: Double.self) == [6, -400])
        #expect(!withoutGradient { x * x }.requiresGradient)
        #expect((x * x).requiresGradient)
    }

    @Test func crossEntropySkipsIgnoredRowsAndSums() {
        let logits = Tensor([0.0, 0.0, 1.0, 2.0, 5.0, 5.0], shape: [3, 2])
        let loss = logits.crossEntropySum(targets: Tensor([0, -100, 1] as [Int64]))
        // 2 ln 2, to fifteen digits.
        #expect(abs(loss.item() - 2 * 0.693_147_180_559_945) < 1e-12)
    }

    @Test func attentionEqualsItsFormula() {
        let q = Tensor([1.0, 0.0, 0.0, 2.0], shape: [1, 2, 1, 2])
        let v = Tensor([1.0, 2.0, 3.0, 4.0], shape: [1, 2, 1, 2])
        let out: [Double] = Tensor.attention(query: q, key: q, value: v, causal: true).contiguous().elements()
        #expect(out[0] == 1)
        #expect(out[1] == 2)
        // Second row: scores 0 and 4/√2; the weight of the first is 1/(1 + e^2.828…), to fifteen digits.
        let first = 1 / (1 + 16.918_828_678_590_7)
        #expect(abs(out[2] - (first + 3 * (1 - first))) < 1e-9)
    }

    @Test func seedsDecideTheNumbersAndTheBoundHolds() throws {
        func draw(_ seed: UInt64) throws -> [Float] {
            try Tensor.truncatedNormal([1000], standardDeviation: 0.5, generator: Generator(seed: seed)).elements()
        }
        #expect(try draw(1) == draw(1))
        #expect(try draw(1) != draw(2))
        let values = try draw(1)
        #expect(values.allSatisfy { abs($0) <= 1.5 })
        // Variance of a normal cut at 3σ is 0.9733 σ²; the standard error of 1000 samples is 0.011.
        let variance = values.reduce(0) { $0 + $1 * $1 } / 1000
        #expect(abs(variance - 0.2433) < 0.05)
    }

    @Test func bytesAreCountedExactlyAndPeaksRemembered() throws {
        let before = Memory.read().current
        Memory.resetPeak()
        do {
            let x = try Tensor.zeros([1000, 3])
            #expect(Memory.read().current - before == 12_000)
            let y = x + x
            #expect(Memory.read().current - before == 24_000)
            withExtendedLifetime((x, y)) {}
        }
        #expect(Memory.read().current == before)
        #expect(Memory.read().peak - before == 24_000)
    }

    @Test func runningOutOfMemoryIsAnErrorAndNotTheEnd() {
        Memory.setLimit(bytes: Memory.read().current + 1000)
        defer { Memory.setLimit(bytes: nil) }
        let error = #expect(throws: TorchError.self) { try Tensor.zeros([1 << 20]) }
        guard case .outOfMemory = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(throws: TorchError.self) { try Tensor.zeros([1 << 46]) }
        #expect(throws: Never.self) { try Tensor.zeros([10]) }
    }

    @Test func devicesAreReadByName() throws {
        #expect(try Device(named: "cpu") == .cpu)
        #expect(throws: TorchError.self) { try Device(named: "gpu") }
        if !LibTorch.hasCUDA { #expect(throws: TorchError.noCUDA) { try Device(named: "cuda:0") } }
    }

    @Test func wrongShapesTrapWithTorchsMessageAtTheCallersLine() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Tensor([1.0, 2.0]).matmul(Tensor([1.0, 2.0, 3.0]))
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("TensorTests.swift"))
        #expect(text.contains("size"))
    }

    @Test @ComputeActor func theComputeActorIsOneThread() async {
        let x = Tensor([1.0]).requireGradient()
        withoutGradient { #expect(!(x * 2).requiresGradient) }
        await Task.yield()
        #expect((x * 2).requiresGradient)
    }
}
