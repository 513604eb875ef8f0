import ForetokenModel

extension RecipeKey {
    private static let counts = 1...1 << 30
    private static let countsOrNone = 0...1 << 30

    static let training: [RecipeKey] = [
        .choice(
            "training.objective", \.training.objective, effect: .rounding, "How the gradient of all heads is computed."),
        .integer(
            "training.steps", \.training.steps, in: counts, ifNull: "minutes decides; one of the two is required",
            "Optimizer steps of the run."),
        .number(
            "training.minutes", \.training.minutes, .above(0, below: 1e6), ifNull: "steps decides",
            "Duration of the run in minutes, in place of steps: ten steps are timed and the number of steps is fixed."),
        .integer("training.batchSize", \.training.batchSize, in: counts, "Sequences of a micro-batch."),
        .integer(
            "training.sequenceLength", \.training.sequenceLength, in: 1...1 << 24,
            ifNull: "model.contextLength; with start.from the most that fits the memory, up to 2,048",
            "Tokens T of a training sequence, at most the model's context length."),
        .integer(
            "training.accumulation", \.training.accumulation, in: counts,
            "Micro-batches of a step, whose gradients are accumulated."),
        .number(
            "training.learningRate", \.training.learningRate, .above(0, below: 10), "Peak learning rate of AdamW."),
        .number(
            "training.headLearningRate", \.training.headLearningRate, .above(0, below: 10), ifNull: "learningRate",
            "Peak learning rate of heads 2…n."),
        .choice("training.schedule", \.training.schedule, "Learning rate after the warm-up."),
        .number(
            "training.decayFraction", \.training.decayFraction, .above(0, upTo: 1),
            "Fraction of the steps in which the schedule `wsd` decays."),
        .number(
            "training.finalLearningRateRatio", \.training.finalLearningRateRatio, .from(0, to: 1),
            "Final learning rate as a fraction of the peak."),
        .integer(
            "training.warmUpSteps", \.training.warmUpSteps, in: countsOrNone, ifNull: "warmUpFraction decides",
            "Steps of linear warm-up."),
        .number(
            "training.warmUpFraction", \.training.warmUpFraction, .from(0, below: 1),
            "Fraction of the steps that warm up."),
        RecipeKey(
            path: "training.betas", summary: "β₁ and β₂ of AdamW.", type: "two numbers from 0 to below 1", ifNull: nil,
            choices: [], effect: .result, read: { $2.training.betas = try $0.numbers() },
            write: { "\($0.training.betas)" },
            problem: { recipe in
                let betas = recipe.training.betas
                return betas.count == 2 && betas.allSatisfy { (0..<1).contains($0) }
                    ? nil : "must be two numbers, each at least 0 and below 1"
            }),
        .number("training.epsilon", \.training.epsilon, .above(0), "ε of AdamW."),
        .number(
            "training.weightDecay", \.training.weightDecay, .from(0, below: 10),
            "Decoupled weight decay of matrices; norms and biases have none."),
        .number(
            "training.clip", \.training.clip, .from(0), "Largest norm of the gradient; 0 for no clipping."),
        RecipeKey(
            path: "training.headWeights", summary: "Weight wᵢ of each head's loss; a list of steps is interpolated.",
            type: YamlValue.headWeightsForm, ifNull: nil, choices: [], effect: .result,
            read: { $2.training.headWeights = try $0.headWeights($1) }, write: { $0.training.headWeights.yaml },
            problem: { _ in nil }),
        .choice("training.curriculum", \.training.curriculum, "Heads that are switched on or off during the run."),
        .integer(
            "training.curriculumSteps", \.training.curriculumSteps, in: counts, ifNull: "all steps",
            "Steps of the curriculum's stages together."),
        .flag(
            "training.detachTrunk", \.training.detachTrunk,
            "Whether heads 2…n send no gradient to the trunk, so that it learns from head 1's loss alone."),
        .flag(
            "training.freezeTrunk", \.training.freezeTrunk,
            "Whether only heads 2…n learn: embedding, trunk, head 1, norm and unembedding stay as they are, and so does "
                + "next-token decoding."),
        .integer(
            "training.selfDistillationTopK", \.training.selfDistillationTopK, in: countsOrNone,
            "Heads 2…n learn from head 1's k most probable tokens instead of the data's token; 0 for the data's token."),
        .integer(
            "training.validationEvery", \.training.validationEvery, in: countsOrNone, effect: .none,
            "Steps between validations; 0 for one at the end."),
        .integer(
            "training.validationBatches", \.training.validationBatches, in: counts, effect: .none,
            "Batches of a validation."),
        .integer(
            "training.checkpointEvery", \.training.checkpointEvery, in: countsOrNone, effect: .none,
            "Steps between checkpoints; 0 for one at the end."),
        .integer(
            "training.keepCheckpoints", \.training.keepCheckpoints, in: counts, effect: .none,
            "Newest checkpoints that are kept."),
        .integer(
            "training.keepEvery", \.training.keepEvery, in: countsOrNone, effect: .none,
            "Also keeps every k-th of the older checkpoints; 0 for none."),
        .integer(
            "training.logEvery", \.training.logEvery, in: counts, effect: .none,
            "Steps between records in metrics.jsonl."),
        .choice("training.precision", \.training.precision, "Precision of activations and matrix multiplications."),
        RecipeKey(
            path: "training.device", summary: "Device to train on.", type: "`cpu`, `cuda` or `cuda:1`", ifNull: nil,
            choices: [], effect: .rounding, read: { $2.training.device = try $0.string() },
            write: { quoted($0.training.device) },
            problem: { recipe in
                let isKnown = recipe.training.device.wholeMatch(of: /cpu|cuda(:[0-9]{1,4})?/) != nil
                return isKnown ? nil : "'\(recipe.training.device)' is not a device; use cpu, cuda or cuda:1"
            }),
        .integer(
            "training.threads", \.training.threads, in: 1...1024, ifNull: "all cores", effect: .rounding,
            "CPU threads of each process."),
    ]
}
