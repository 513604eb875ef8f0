import ForetokenModel
public import ForetokenText
import Foundation
import Torch

/// How well each head of a model predicts held-out text.
public struct HeadEvaluation: Sendable, Equatable {
    /// Mean cross-entropy of each head, in nats a token.
    public let losses: [Double]
    /// The same in bits per byte of the targets; not a number where they have no bytes.
    public let bitsPerByte: [Double]
    /// Head i's argmax equals the data, given that heads 1..i−1 did.
    public let acceptance: [Double]
    /// Heads 1..i all equal the data.
    public let cumulativeAcceptance: [Double]
    /// Targets of head 1.
    public let tokens: Int

    /// Tokens per forward that greedy self-speculation would give on the data itself: 1 + Σ_{i ≥ 2} P(heads 2..i are
    /// right).
    ///
    /// Drafts are checked against the data here and against head 1 when decoding, where more of them agree.
    public var expectedTokensPerForward: Double {
        guard let first = cumulativeAcceptance.first, first > 0 else { return 1 }
        return 1 + cumulativeAcceptance.dropFirst().reduce(0) { $0 + $1 / first }
    }

    /// The model over the first `batches` batches of the text, in its order; each rank of a world computes its share.
    ///
    /// - Throws: ``ObjectiveError`` for text of another vocabulary, `TorchError.outOfMemory`.
    public init(
        of model: MultiTokenModel, on loader: any SequenceSource, batchSize: Int, batches: Int,
        tokenizer: any Tokenizer,
        world: any World = OneRank()
    ) throws {
        let heads = model.heads.count
        let graph = model.configuration.headGraph
        let byteCounts = (0..<tokenizer.vocabularySize).map { tokenizer.bytes(of: Int32($0)).count }
        var lossSums = [Double](repeating: 0, count: heads)
        var byteSums = lossSums
        var targetCounts = [Int](repeating: 0, count: heads)
        var candidates = targetCounts
        var matches = targetCounts
        var reachable = targetCounts
        var start = 0
        var done = 0
        while start < loader.sequenceCount, done < batches {
            let microbatch = loader.sequentialBatch(startingAt: start, count: batchSize)
            start += microbatch.batchSize
            done += 1
            guard (done - 1) % world.size == world.rank else { continue }
            try withoutGradient {
                let batch = try BatchTensors(microbatch, for: model)
                let x = EmbeddedBatch(batch, for: model)
                var outputs = HeadOutputs(z: TrunkOutput(model, x, recompute: .none).value)
                var allGuesses: [Int: [Int64]] = [:]
                for head in model.headPasses(graph.nodes, over: x) {
                    let output = head(outputs.input(of: head))
                    if graph.isRead(head.number) { outputs[head] = output }
                    let targets = batch.targets(head: head.number).tokens.reshaped(-1)
                    let (loss, guesses) = model.lossAndGuesses(output, targets: targets, head: head.number)
                    lossSums[head.number - 1] += loss
                    allGuesses[head.number] = guesses
                }
                // alive[p]: heads 1..i−1 were right at position p; known[p]: their targets were all in the document.
                var alive = [Bool](repeating: true, count: microbatch.batchSize * microbatch.sequenceLength)
                var known = alive
                for i in 0..<heads {
                    let targets = microbatch.targets(head: i + 1)
                    guard let guesses = allGuesses[i + 1] else { continue }
                    for position in targets.indices {
                        let target = targets[position]
                        guard target != TokenBatch.ignored else {
                            known[position] = false
                            continue
                        }
                        targetCounts[i] += 1
                        byteSums[i] += Double(byteCounts[Int(target)])
                        guard known[position] else { continue }
                        reachable[i] += 1
                        guard alive[position] else { continue }
                        candidates[i] += 1
                        if guesses[position] == target { matches[i] += 1 } else { alive[position] = false }
                    }
                }
            }
        }
        if world.size > 1 {
            let counts = [targetCounts, candidates, matches, reachable]
            let sums = try world.sum(lossSums + byteSums + counts.joined().map(Double.init))
            func part(_ index: Int) -> ArraySlice<Double> { sums[index * heads..<(index + 1) * heads] }
            (lossSums, byteSums) = (Array(part(0)), Array(part(1)))
            (targetCounts, candidates) = (part(2).map { Int($0) }, part(3).map { Int($0) })
            (matches, reachable) = (part(4).map { Int($0) }, part(5).map { Int($0) })
        }
        func ratio(_ a: Double, _ b: Double) -> Double { b > 0 ? a / b : 0 }
        losses = zip(lossSums, targetCounts).map { ratio($0, Double($1)) }
        // Special tokens alone have no bytes.
        bitsPerByte = zip(lossSums, byteSums).map { $1 > 0 ? $0 / log(2) / $1 : .nan }
        acceptance = zip(matches, candidates).map { ratio(Double($0), Double($1)) }
        cumulativeAcceptance = zip(matches, reachable).map { ratio(Double($0), Double($1)) }
        tokens = targetCounts[0]
    }
}

extension MultiTokenModel {
    /// Σ −log p of int64 targets [N] under a head's output [B, T, D], and the likeliest token of each position; in
    /// chunks of positions, so that the logits stay within the fused objective's bound.
    func lossAndGuesses(
        _ hidden: Tensor, targets: Tensor, head: Int = 1, logitsBytes: Int? = nil
    ) -> (loss: Double, guesses: [Int64]) {
        let rows = hidden.reshaped(-1, configuration.width)
        let chunk = Tensor.fusedCrossEntropyChunk(
            rows: targets.count, vocabulary: configuration.vocabulary,
            logitsBytes: logitsBytes ?? FusedObjective.logitsBytes(on: device))
        var (loss, guesses) = (0.0, [Int64]())
        for start in stride(from: 0, to: targets.count, by: chunk) {
            let count = min(chunk, targets.count - start)
            let logits = logits(rows.narrowed(axis: 0, from: start, count: count), head: head).to(dtype)
            loss += logits.crossEntropySum(targets: targets.narrowed(axis: 0, from: start, count: count)).item()
            guesses += logits.argmax(axis: 1).elements(as: Int64.self)
        }
        return (loss, guesses)
    }
}
