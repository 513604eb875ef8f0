import ForetokenDecoding
public import ForetokenModel
public import ForetokenText
public import Torch

/// Compares the texts that a device decodes speculatively with its own next-token decoding, and that with the CPU kernels.
public struct DeviceTextCheck: Sendable, Equatable {
    /// The number of speculative texts decoded.
    public internal(set) var texts = 0
    /// Speculative texts that differ from the device's next-token text.
    public internal(set) var differing = 0
    /// Next-token texts of the device that differ from the CPU's; near ties can resolve differently.
    public internal(set) var differingFromCPU = 0
    /// Tokens of the speculative texts ÷ their forward passes.
    public internal(set) var tokensPerForward = 0.0

    /// Decodes every prompt greedily and at temperature 0.8, with one head, with two and with all.
    ///
    /// With `device` `.cpu`, the operations of a GPU pass run on the CPU through ATen.
    ///
    /// - Throws: `DecodingError`, `TorchError`.
    public init(
        _ source: any WeightSource, tokenizer: any Tokenizer, prompts: [[Int32]], maximumTokens: Int, device: Device,
        isExact: Bool, usesGraphs: Bool = false
    ) throws {
        let tile = isExact ? max(8, source.configuration.heads) : 0
        let onDevice = DecodeModel(
            source.configuration,
            backend: try ATenBackend(source, format: .f32, device: device, tile: tile, usesGraphs: usesGraphs))
        let onCPU = try DecodeModel(reading: source)
        var (tokens, forwards) = (0, 0)
        for prompt in prompts {
            for temperature in [0, 0.8] {
                func text(_ model: DecodeModel, heads: Int) throws -> GenerationStatistics {
                    let session = try DecodingSession(
                        model,
                        GenerationRequest(
                            prompt: prompt, maximumTokens: maximumTokens, heads: heads,
                            sampler: Sampler(temperature: temperature)), tokenizer: tokenizer)
                    while try session.step() != nil {}
                    return session.statistics
                }
                let nextToken = try text(onDevice, heads: 1)
                if try text(onCPU, heads: 1).tokens != nextToken.tokens { differingFromCPU += 1 }
                for heads in Set([2, source.configuration.heads]).sorted() where heads > 1 {
                    let speculative = try text(onDevice, heads: heads)
                    texts += 1
                    if speculative.tokens != nextToken.tokens { differing += 1 }
                    tokens += speculative.tokens.count
                    forwards += speculative.forwards
                }
            }
        }
        tokensPerForward = Double(tokens) / Double(max(1, forwards))
    }
}
