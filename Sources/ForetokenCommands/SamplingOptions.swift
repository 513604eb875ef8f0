import ArgumentParser
import ForetokenDecoding

/// How tokens are chosen; the options of every command that decodes.
struct SamplingOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "0 is greedy; above, tokens are drawn.")
    var temperature = 0.0

    @Option(parsing: .unconditional, help: "Decides the sampling noise.")
    var seed: UInt64 = 0

    @Option(parsing: .unconditional, help: "Draw from so many likeliest tokens; 0 for all.")
    var topK = 0

    @Option(parsing: .unconditional, help: "Draw from the fewest tokens that hold this probability; 1 for all.")
    var topP = 1.0

    @Option(parsing: .unconditional, help: "Draw from tokens at least this likely beside the likeliest.")
    var minP = 0.0

    @Option(parsing: .unconditional, help: "Above 1: tokens of prompt and text become less likely.")
    var repetitionPenalty = 1.0

    @Option(parsing: .unconditional, help: "Taken off a token's logit for every time that the text has it.")
    var frequencyPenalty = 0.0

    @Option(parsing: .unconditional, help: "Taken off the logit of every token that the text has.")
    var presencePenalty = 0.0

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Added to a token's logit; may be repeated.", valueName: "token=bias"))
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
