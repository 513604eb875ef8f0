import ForetokenFiles
import ForetokenModel
import ForetokenReport
public import ForetokenText
import Foundation
import Torch

/// Trains a model by a recipe inside a run folder, and resumes there.
///
/// Everything a step does depends on the recipe, the step's number and the state in the checkpoint, so a run that was
/// killed and resumed is bitwise the run that never was (same build, threads and machine).
public final class Trainer {
    /// How a run ended.
    public enum Outcome: Sendable, Equatable {
        /// All steps are done.
        case finished
        /// A signal came; the run is checkpointed.
        case interrupted
        /// The time that this process may take is over; the run is checkpointed.
        case outOfTime
    }

    /// The recipe, with its steps fixed.
    public private(set) var recipe: Recipe
    /// The model being trained.
    public let model: MultiTokenModel
    /// Steps done.
    public private(set) var step = 0
    /// The last validation.
    public private(set) var lastValidation: HeadEvaluation?

    private let folder: RunFolder
    private let tokenizer: any Tokenizer
    private let training: any SampleSource
    private let validation: (any SampleSource)?
    private let optimizer: AdamW
    private var optimization: TrainingStep
    private let world: any World

    /// Opens a run folder: a new run, or the one in it from its newest checkpoint.
    ///
    /// `tokenizer`: that of the shards; if not given, the one beside the training shard.
    /// - Throws: ``RecipeError``, ``RunFolderError``, ``TrainerError``, `ShardError`, `TokenizerError`, `ModelError`,
    ///   `TorchError`.
    public init(
        recipe: Recipe, folder: RunFolder, tokenizer: (any Tokenizer)? = nil, world: any World = OneRank()
    ) throws {
        try recipe.validate()
        try world.requireSame(recipe)
        let samples = recipe.training.batchSize * recipe.training.accumulation
        guard samples >= world.size else { throw WorldError.tooManyRanks(size: world.size, samples: samples) }
        let checkpoint = folder.latestCheckpoint
        let base = try recipe.start.from.map { try checkpoint ?? ModelFolder.locate(URL(fileURLWithPath: $0)) }
        let tokenizer = try tokenizer ?? base.map { try TokenizerFile.read(folder: $0) } ?? recipe.dataTokenizer()
        var recipe = recipe
        let device = try world.device(named: recipe.training.device)
        try recipe.training.precision.require(on: device)
        if let threads = recipe.training.threads { LibTorch.threads = threads }
        // A run that was killed before its first checkpoint has a recipe, too.
        let isBegun = FileManager.default.fileExists(atPath: folder.recipe.path)
        if checkpoint != nil || isBegun { try Self.adopt(&recipe, from: folder) }
        // One that a person wrote may have a person's other files beside it.
        if checkpoint == nil, try !isBegun || !Self.isWritten(folder.recipe) { try folder.requireUnused() }
        let resumed = try checkpoint.map { checkpoint in
            return try Self.resuming(checkpoint) { try ModelFolder.read(checkpoint, device: device) }
        }
        let started = try resumed ?? base.map { try recipe.adaptedModel(of: $0, tokenizer: tokenizer, device: device) }
        if device == .cpu { try Self.requireMemory(recipe, tokenizer, world) }
        training = try recipe.trainingSamples(tokenizer: tokenizer)
        validation = try recipe.data.validation.map { try recipe.samples($0, tokenizer: tokenizer) }
        model =
            try started ?? MultiTokenModel(recipe.configuration(for: tokenizer), seed: recipe.seed, device: device)
        model.computeType = recipe.training.precision.computeType
        if recipe.training.freezeTrunk { model.freezeNextTokenPath() }
        let plan = ShardPlan(model, ranks: world.size)
        optimizer = try AdamW(
            model.parameters.filter { !$0.isFrozen }, betas: (recipe.training.betas[0], recipe.training.betas[1]),
            epsilon: recipe.training.epsilon, decay: recipe.training.weightDecay, owners: plan.owners, rank: world.rank)
        if let checkpoint {
            step = try Self.resuming(checkpoint) { [optimizer] in try TrainerState.restore(optimizer, from: checkpoint)
            }
        }
        optimization = TrainingStep(
            model: model, optimizer: optimizer,
            objective: recipe.training.objective.objective(
                logitsBytes: recipe.logitsMiB << 20, recompute: recipe.memory.recompute,
                detachTrunk: recipe.training.detachTrunk || recipe.training.freezeTrunk,
                softTargets: recipe.training.softTargets),
            clip: recipe.training.clip, world: world,
            reducer: world.size > 1 ? GradientReducer(model, plan: plan, world: world) : nil)
        self.recipe = recipe
        self.folder = folder
        self.tokenizer = tokenizer
        self.world = world
        try requireEqualRanks()
        if checkpoint == nil {
            if recipe.training.steps == nil { self.recipe.training.steps = try measureSteps() }
            if world.rank == 0, !isBegun { try RunFolder.write(self.recipe.yaml, to: folder.recipe) }
        }
        if world.rank == 0 { try MetricsLog.cutBack(folder.metrics, toStep: step) }
    }

    /// Every rank begins at the same step with the same weights and the same data.
    private func requireEqualRanks() throws {
        guard world.size > 1 else { return }
        try world.requireEqual(
            "the step they begin at", UInt64(step),
            remedy: "all ranks read the checkpoints in --out: give them one folder, on a file system they share")
        try world.requireEqual(
            "the weights they begin with", model.weightsDigest,
            remedy: "all ranks read the checkpoints in --out and run the same build: give them one folder")
        var data = QuickDigest()
        for loader in [training] + (validation.map { [$0] } ?? []) {
            data.add(UInt64(loader.sampleCount))
            for token in loader.batch(startingAt: 0, count: recipe.training.batchSize).tokens {
                data.add(UInt64(bitPattern: Int64(token)))
            }
        }
        try world.requireEqual(
            "the token shards", data.value, remedy: "give all ranks the shards of one `foretoken prepare`")
    }

    /// Where what travels between the ranks is noted; nothing does for one rank.
    public var trace: StepTrace? {
        get { optimization.reducer?.trace }
        set { optimization.reducer?.trace = newValue }
    }

    /// Captures the forward and backward passes of a step as one CUDA graph. No GPU has run it yet.
    ///
    /// - Throws: ``WorldError/capturedStepNeedsOneRank`` with several ranks, `TorchError` if the device refuses.
    public func captureSteps() throws {
        guard world.size == 1 else { throw WorldError.capturedStepNeedsOneRank }
        try model.device.leaveDefaultStream()
        optimization.captured = CapturedObjective(model, optimization.objective)
    }

    /// Whether gradients travel while the backward pass runs; else after it, to compare.
    public var overlapsReduction: Bool {
        get { optimization.reducer?.overlaps ?? false }
        set { optimization.reducer?.overlaps = newValue }
    }

    /// Refuses what the machine cannot hold before anything is allocated, rather than after minutes of page faults.
    private static func requireMemory(_ recipe: Recipe, _ tokenizer: any Tokenizer, _ world: any World) throws {
        let estimate = MemoryEstimate(recipe, configuration: recipe.configuration(for: tokenizer), ranks: world.size)
        guard estimate.peak <= Memory.machineBytes / world.localSize else {
            throw TrainerError.tooLarge(
                needed: estimate.peak, transient: estimate.transient, available: Memory.machineBytes,
                ranks: world.localSize)
        }
    }

    /// Reads a checkpoint; where it is broken, the error says how to go on.
    private static func resuming<Value>(_ checkpoint: URL, _ read: () throws -> Value) throws -> Value {
        do {
            return try read()
        } catch  where !(error is TorchError) {
            throw RunFolderError.brokenCheckpoint(checkpoint.relativePath, reason: "\(error)")
        }
    }

    /// Whether a recipe is as a run writes it, to the byte.
    private static func isWritten(_ url: URL) throws -> Bool {
        try Data(contentsOf: url) == Data(try Recipe(contentsOf: url).yaml.utf8)
    }

    /// Takes the fixed number of steps from the run in the folder and refuses any other difference.
    private static func adopt(_ recipe: inout Recipe, from folder: RunFolder) throws {
        let stored: Recipe
        do {
            stored = try Recipe(contentsOf: folder.recipe)
        } catch {
            throw RunFolderError.system(
                path: folder.recipe.relativePath, action: "resume the run by it",
                reason: "\(error); put the run's recipe back there, or name another folder")
        }
        if recipe.training.steps == nil {
            guard let steps = stored.training.steps else {
                throw RunFolderError.foreign(folder: folder.url.relativePath, file: folder.recipe.lastPathComponent)
            }
            recipe.training.steps = steps
        }
        if recipe.start.from != nil { recipe.takeShape(of: stored) }
        let keys = recipe.differingKeys(from: stored)
        guard keys.isEmpty else { throw RunFolderError.otherRecipe(folder: folder.url.relativePath, keys: keys) }
    }

    /// Trains to the last step, or until a signal or the end of the time.
    ///
    /// - Parameters:
    ///   - limit: the most time to take before a last checkpoint.
    ///   - afterStep: called after every step, before its checkpoint; for tests.
    /// - Throws: ``TrainerError/notFinite(step:firstSample:losses:norm:)``, file errors, `TorchError.outOfMemory`.
    public func run(limit: Duration? = nil, afterStep: (Int) -> Void = { _ in }) throws -> Outcome {
        let steps = recipe.training.steps ?? 0
        let settings = recipe.training
        let schedule = recipe.learningRates(of: steps)
        // Rank 0 speaks and writes for all.
        let log = world.rank == 0 ? try RunJournal(folder: self.folder.url) : nil
        let progress = ProgressLine(total: steps)
        defer { progress.finish() }
        let clock = ContinuousClock()
        let tokensPerStep = Double(settings.batchSize * settings.accumulation * recipe.model.context)
        var since = clock.now
        let (begin, firstStep) = (since, step)

        while step < steps {
            let isLate = limit.map { clock.now - begin >= $0 } ?? false
            let stops = try world.sum([InterruptFlag.isRaised ? 1 : 0, isLate ? 1 : 0])
            if stops.contains(where: { $0 > 0 }) {
                try checkpoint()
                log?.writeReport()
                return stops[0] > 0 ? .interrupted : .outOfTime
            }
            let rate = schedule.rate(at: step + 1)
            let weights = recipe.headWeights(at: step + 1, of: steps)
            let result = try trainStep(rate: rate, headWeights: weights)
            // A head that did not run has no loss.
            let losses = zip(result.losses, weights).map { $1 == 0 ? .nan : $0 }
            afterStep(step)
            if step % settings.logEvery == 0 || step == steps {
                let now = clock.now
                let logged = step % settings.logEvery == 0 ? settings.logEvery : step % settings.logEvery
                let speed = tokensPerStep * Double(min(logged, step - firstStep)) / (now - since).seconds
                since = now
                try log?.append(
                    kind: "train", step: step,
                    [
                        ("loss", .numbers(losses)), ("learningRate", .number(rate)),
                        ("gradientNorm", .number(result.norm)), ("headGradientNorm", .numbers(result.headNorms)),
                        ("headWeight", .numbers(weights)), ("tokensPerSecond", .number(speed)),
                        ("peakBytes", .integer(Memory.read(on: model.device).peak)),
                    ])
                let pace = (now - begin).seconds / Double(step - firstStep)
                if world.rank == 0 {
                    progress.update(
                        step: step, tokensPerSecond: speed, losses: losses, secondsLeft: pace * Double(steps - step))
                }
            }
            let isLast = step == steps
            if validation != nil, isLast || settings.validationEvery > 0 && step % settings.validationEvery == 0 {
                try validate(log, progress)
                log?.writeReport()
                since = clock.now
            }
            if isLast || settings.checkpointEvery > 0 && step % settings.checkpointEvery == 0 {
                try checkpoint()
                log?.writeReport()
                since = clock.now
            }
        }
        log?.writeReport()
        return .finished
    }

    private func trainStep(rate: Double, headWeights: [Double]) throws -> StepNumbers {
        let settings = recipe.training
        let count = settings.batchSize * settings.accumulation
        let first = step * count
        let microbatches = microbatches(from: first)
        training.readAhead(startingAt: first + count, count: count)
        let gradient = try optimization.gradient(of: microbatches, headWeights: headWeights)
        let headRate = settings.headLearningRate.map { $0 / settings.learningRate * rate }
        // The update is on its way before the host waits for the numbers; one that is not finite changes nothing.
        try optimization.update(by: gradient, rate: rate, headRate: headRate)
        let numbers = gradient.read()
        guard numbers.isFinite else {
            throw TrainerError.notFinite(
                step: step + 1, firstSample: first, losses: numbers.losses, norm: numbers.norm)
        }
        step += 1
        return numbers
    }

    private func microbatches(from first: Int) -> [TokenBatch] {
        let size = recipe.training.batchSize
        let share = world.share(of: size * recipe.training.accumulation)
        return stride(from: share.lowerBound, to: share.upperBound, by: size).map {
            training.batch(startingAt: first + $0, count: min(size, share.upperBound - $0))
        }
    }

    private func validate(_ log: RunJournal?, _ progress: ProgressLine) throws {
        guard let validation else { return }
        let result = try HeadEvaluation(
            of: model, on: validation, batchSize: recipe.training.batchSize, batches: recipe.training.validationBatches,
            tokenizer: tokenizer, world: world)
        lastValidation = result
        guard let log else { return }
        try log.append(
            kind: "validation", step: step,
            [
                ("loss", .numbers(result.losses)), ("bitsPerByte", .numbers(result.bitsPerByte)),
                ("acceptance", .numbers(result.acceptance)),
                ("cumulativeAcceptance", .numbers(result.cumulativeAcceptance)),
            ])
        progress.finish()
        let acceptance = result.acceptance.map { Formatting.percent($0) }.joined(separator: " ")
        Terminal.log(
            "step \(step): validation \(Formatting.fixed(result.bitsPerByte[0], 3)) bits per byte, "
                + "acceptance per head \(acceptance)")
    }

    /// Rank 0 writes; the others hand it their optimizer's state, as often as it asks.
    private func checkpoint() throws {
        guard world.rank == 0 else {
            while try world.sum([0])[0] > 0 { try StateGather(optimizer, world: world).drain() }
            return
        }
        try folder.writeCheckpoint(
            step: step, keeping: recipe.training.keepCheckpoints, andEvery: recipe.training.keptInterval
        ) {
            url in
            _ = try world.sum([1])
            let gather = try StateGather(optimizer, world: world)
            do {
                try ModelFolder.write(model, to: url)
                try TokenizerFile.write(tokenizer, to: url)
                try TrainerState.write(optimizer, step: step, to: url, through: gather)
            } catch {
                try gather.drain()
                throw error
            }
        }
        _ = try world.sum([0])
    }

    /// How many steps fit the recipe's minutes: the median time of ten steps that change nothing, after two that warm up.
    private func measureSteps() throws -> Int {
        let minutes = recipe.training.minutes ?? 1
        let clock = ContinuousClock()
        var times: [Double] = []
        for round in 0..<12 {
            let microbatches = microbatches(from: round * recipe.training.batchSize)
            let begin = clock.now
            // A rate of 0 leaves the weights; the optimizer's state is reset below.
            let gradient = try optimization.gradient(of: microbatches)
            try optimization.update(by: gradient, rate: 0)
            // Waits for a GPU, as a step does.
            _ = gradient.read()
            times.append((clock.now - begin).seconds)
        }
        optimizer.reset()
        let seconds = try world.sum([world.rank == 0 ? times.dropFirst(2).sorted()[5] : 0])[0]
        let steps = max(20, Int(minutes * 60 * 0.95 / seconds))
        guard world.rank == 0 else { return steps }
        Terminal.log("\(Formatting.fixed(seconds * 1000, 1)) ms a step: \(steps) steps in \(minutes) minutes")
        return steps
    }
}

extension Duration {
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
