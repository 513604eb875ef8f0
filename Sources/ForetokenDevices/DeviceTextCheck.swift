import ForetokenDecoding
public import ForetokenModel
public import ForetokenText
public import Torch

/// Texts of a model as a device decodes them, speculatively and token by token, and as the CPU's kernels do.
public struct DeviceTextCheck: Sendable, Equatable {
    /// Texts decoded.
    public internal(set) var texts = 0
    /// Speculative texts that differ from the device's own next-token texts.
    public internal(set) var differing = 0
    /// The device's next-token texts that differ from the CPU's: near ties can fall the other way.
    public internal(set) var differingFromCPU = 0
    /// Tokens of speculative texts over their forward passes.
    public internal(set) var tokensPerForward = 0.0

    /// Decodes every prompt greedily and at temperature 0.8, with one head and with several.
    ///
    /// On the CPU, the passes of a GPU run there by ATen's operators.
    ///
    /// - Throws: `DecodingError`, `TorchError`.
    public init(
        _ source: any WeightSource, tokenizer: any Tokenizer, prompts: [[Int32]], maximumTokens: Int, device: Device,
        isExact: Bool, usesGraphs: Bool = false
    ) throws {
        let tile = isExact ? max(8, source.configuration.heads) : 0
        let own = DecodeModel(
            source.configuration,
            backend: try ATenBackend(source, format: .f32, device: device, tile: tile, usesGraphs: usesGraphs))
        let kernels = try DecodeModel(reading: source)
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
                let plain = try text(own, heads: 1)
                if try text(kernels, heads: 1).tokens != plain.tokens { differingFromCPU += 1 }
                for heads in Set([2, source.configuration.heads]).sorted() where heads > 1 {
                    let speculative = try text(own, heads: heads)
                    texts += 1
                    if speculative.tokens != plain.tokens { differing += 1 }
                    tokens += speculative.tokens.count
                    forwards += speculative.forwards
                }
            }
        }
        tokensPerForward = Double(tokens) / Double(max(1, forwards))
    }
}
