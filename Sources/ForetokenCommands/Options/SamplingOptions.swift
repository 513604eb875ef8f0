import ArgumentParser
import ForetokenDecoding

/// The choice of tokens; the options of every command that decodes.
struct SamplingOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "The sampling temperature; 0 is greedy decoding.")
    var temperature = 0.0

    @Option(parsing: .unconditional, help: "The seed of the sampling noise.")
    var seed: UInt64 = 0

    @Option(parsing: .unconditional, help: "Sample from the k most likely tokens; 0 is no limit.")
    var topK = 0

    @Option(
        parsing: .unconditional,
        help: "Sample from the smallest set of most likely tokens whose total probability is at least p; 1 is no limit."
    )
    var topP = 1.0

    @Option(
        parsing: .unconditional,
        help: "Sample from tokens at least this probable relative to the most likely one; 0 is no limit.")
    var minP = 0.0

    @Option(
        parsing: .unconditional,
        help: "Above 1, makes tokens that the prompt or the text already contains less likely; 1 is no penalty.")
    var repetitionPenalty = 1.0

    @Option(
        parsing: .unconditional,
        help: "Subtracted from a token's logit for each time that the generated text contains it.")
    var frequencyPenalty = 0.0

    @Option(
        parsing: .unconditional, help: "Subtracted from the logit of every token that the generated text contains.")
    var presencePenalty = 0.0

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Added to a token's logit; may be given more than once.", valueName: "token=bias"))
    var logitBias: [String] = []

    func validate() throws {
        do {
            // The model's vocabulary is not known yet.
            try sampler().validate(vocabulary: .max)
        } catch let error as DecodingError {
            throw ValidationError("\(error)")
        }
    }

    func sampler() throws -> Sampler {
        var sampler = Sampler(temperature: temperature, seed: seed)
        (sampler.topK, sampler.topP, sampler.minP) = (topK, topP, minP)
        sampler.repetitionPenalty = repetitionPenalty
        (sampler.frequencyPenalty, sampler.presencePenalty) = (frequencyPenalty, presencePenalty)
        for text in logitBias {
            let parts = text.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let token = Int32(parts[0]), let bias = Double(parts[1]) else {
                throw ValidationError("--logit-bias \(text): must be TOKEN=BIAS, such as 10=-100")
            }
            sampler.logitBias[token] = bias
        }
        return sampler
    }
}
