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
    private let companions: [CompanionFile]
    private let training: any SequenceSource
    private let validation: (any SequenceSource)?
    private let optimizer: AdamW
    private var optimization: TrainingStep
    private let world: any World
    private let report: (TrainingEvent) -> Void

    /// Opens a run folder: a new run, or the one in it from its newest checkpoint.
    ///
    /// - Parameters:
    ///   - recipe: decides the run; of a run that the folder has already, the same recipe.
    ///   - folder: the run's.
    ///   - tokenizer: that of the shards; if nil, the one in the checkpoint or beside the training shard.
    ///   - world: the ranks that train together.
    ///   - report: called with news of the run, on the thread that trains.
    /// - Throws: ``RecipeError``, ``RunFolderError``, ``TrainerError``, `ShardError`, `TokenizerError`, `ModelError`,
    ///   `TorchError`.
    public init(
        recipe: Recipe, folder: RunFolder, tokenizer: (any Tokenizer)? = nil, world: any World = OneRank(),
        report: @escaping (TrainingEvent) -> Void = { _ in }
    ) throws {
        let prepared = try TrainingPreparation(recipe, folder, tokenizer, world, report: report)
        (self.recipe, self.folder, self.world, self.report) = (prepared.recipe, folder, world, report)
        (self.tokenizer, training, validation) = (prepared.tokenizer, prepared.training, prepared.validation)
        companions = prepared.companions
        (model, optimizer, step) = (prepared.model, prepared.optimizer, prepared.step)
        optimization = TrainingStep(
            model: model, optimizer: optimizer, objective: prepared.recipe.makeObjective(),
            clip: prepared.recipe.training.clip, world: world,
            reducer: world.size > 1 ? GradientReducer(model, plan: prepared.plan, world: world) : nil)
        try requireEqualRanks()
        if prepared.checkpoint == nil {
            if self.recipe.training.steps == nil { self.recipe.training.steps = try measureSteps() }
            if world.rank == 0, !prepared.isBegun { try RunFolder.write(self.recipe.yaml, to: folder.recipe) }
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
            data.add(UInt64(loader.sequenceCount))
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

    /// Trains to the last step, or until a signal or the end of the time.
    ///
    /// - Parameters:
    ///   - limit: the most time to take before a last checkpoint.
    ///   - afterStep: called after every step, before its checkpoint; for tests.
    /// - Throws: ``TrainerError/notFinite(step:firstSequence:losses:norm:)``, file errors, `TorchError.outOfMemory`.
    public func run(limit: Duration? = nil, afterStep: (Int) -> Void = { _ in }) throws -> Outcome {
        let steps = recipe.training.steps ?? 0
        let settings = recipe.training
        let schedule = recipe.learningRates(of: steps)
        // Only rank 0 writes files and reports.
        let journal =
            world.rank == 0
            ? try RunJournal(folder: self.folder.url) { [report] in report(.warning($0)) } : nil
        var pace = Pace(
            tokensPerStep: settings.batchSize * settings.accumulation * recipe.sequenceLength, step: step)

        while step < steps {
            if let outcome = try stop(after: limit, pace) {
                try checkpoint()
                journal?.writeReport()
                return outcome
            }
            let rate = schedule.rate(at: step + 1)
            let weights = recipe.headWeights(at: step + 1, of: steps)
            let result = try trainStep(rate: rate, headWeights: weights)
            afterStep(step)
            let isLast = step == steps
            if isLast || step % settings.logEvery == 0 {
                try log(result, rate: rate, weights: weights, &pace, to: journal)
            }
            if validation != nil, isLast || settings.validationEvery > 0 && step % settings.validationEvery == 0 {
                try validate(journal)
                journal?.writeReport()
                pace.skip(to: step)
            }
            if isLast || settings.checkpointEvery > 0 && step % settings.checkpointEvery == 0 {
                try checkpoint()
                journal?.writeReport()
                pace.skip(to: step)
            }
        }
        journal?.writeReport()
        return .finished
    }

    /// Why all ranks stop before the next step; nil if they do not.
    private func stop(after limit: Duration?, _ pace: Pace) throws -> Outcome? {
        let isLate = limit.map { pace.elapsed >= $0 } ?? false
        let stops = try world.sum([InterruptFlag.isRaised ? 1 : 0, isLate ? 1 : 0])
        guard stops.contains(where: { $0 > 0 }) else { return nil }
        return stops[0] > 0 ? .interrupted : .outOfTime
    }

    /// Writes a record of the step that was just done and reports it.
    private func log(
        _ result: StepNumbers, rate: Double, weights: [Double], _ pace: inout Pace, to journal: RunJournal?
    ) throws {
        let steps = recipe.training.steps ?? 0
        // A head that did not run has no loss.
        let losses = zip(result.losses, weights).map { $1 == 0 ? .nan : $0 }
        let speed = pace.tokensPerSecond(at: step)
        try journal?.append(
            kind: "train", step: step,
            [
                ("loss", .numbers(losses)), ("learningRate", .number(rate)),
                ("gradientNorm", .number(result.norm)), ("headGradientNorm", .numbers(result.headNorms)),
                ("headWeight", .numbers(weights)), ("tokensPerSecond", .number(speed)),
                ("peakBytes", .integer(Memory.read(on: model.device).peak)),
            ])
        if world.rank == 0 {
            report(
                .step(
                    .init(
                        step: step, steps: steps, losses: losses, tokensPerSecond: speed,
                        secondsLeft: pace.secondsPerStep(at: step) * Double(steps - step))))
        }
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
                step: step + 1, firstSequence: first, losses: numbers.losses, norm: numbers.norm)
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

    private func validate(_ journal: RunJournal?) throws {
        guard let validation else { return }
        let result = try HeadEvaluation(
            of: model, on: validation, batchSize: recipe.training.batchSize, batches: recipe.training.validationBatches,
            tokenizer: tokenizer, world: world)
        lastValidation = result
        try journal?.append(
            kind: "validation", step: step,
            [
                ("loss", .numbers(result.losses)), ("bitsPerByte", .numbers(result.bitsPerByte)),
                ("acceptance", .numbers(result.acceptance)),
                ("cumulativeAcceptance", .numbers(result.cumulativeAcceptance)),
            ])
        if world.rank == 0 { report(.validation(step: step, result)) }
    }

    /// Rank 0 writes. The others send it their optimizer state for every attempt, which it announces with a sum of 1, and
    /// are done when it sends 0.
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
                try ModelFolder.write(companions, to: url)
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
        if world.rank == 0 { report(.measuredSteps(secondsPerStep: seconds, steps: steps, minutes: minutes)) }
        return steps
    }
}

/// The speed of a run, without the time that validation and checkpoints take.
private struct Pace {
    private let clock = ContinuousClock()
    private let tokensPerStep: Int
    private let begin: ContinuousClock.Instant
    private let firstStep: Int
    private var since: ContinuousClock.Instant
    private var lastStep: Int

    init(tokensPerStep: Int, step: Int) {
        self.tokensPerStep = tokensPerStep
        begin = clock.now
        since = begin
        (firstStep, lastStep) = (step, step)
    }

    /// Time since the run began here.
    var elapsed: Duration { clock.now - begin }

    /// Leaves out the time and the steps since the last record.
    mutating func skip(to step: Int) { (since, lastStep) = (clock.now, step) }

    /// Tokens per second since the last record.
    mutating func tokensPerSecond(at step: Int) -> Double {
        let now = clock.now
        defer { (since, lastStep) = (now, step) }
        return Double(tokensPerStep * (step - lastStep)) / (now - since).seconds
    }

    /// Seconds per step of the whole run here, validation and checkpoints included.
    func secondsPerStep(at step: Int) -> Double { elapsed.seconds / Double(max(1, step - firstStep)) }
}

extension Duration {
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
