import ForetokenDecoding
import ForetokenModel
import Synchronization

/// The metrics of a server: what its requests record, and what its engines say when somebody asks.
final class MetricsService: Sendable {
    let registry = MetricsRegistry()
    private let names: MetricsRegistry.Names
    private let models = Mutex<[String: ServerMetrics]>([:])
    /// The forward passes of each model that were counted.
    private let counted = Mutex<[String: (passes: Int, sequences: Int)]>([:])

    init(_ settings: ServerSettings) { names = settings.aliasesMetrics ? .withAliases : .own }

    /// Registers a model's metrics.
    func add(_ model: ServedModel) {
        let metrics = ServerMetrics(registry, model: model.name, heads: model.language.configuration.heads)
        models.withLock { $0[model.name] = metrics }
    }

    /// The metrics of a model that was added.
    func of(_ model: ServedModel) -> ServerMetrics? { models.withLock { $0[model.name] } }

    /// A request was answered with an error.
    func refused(status: Int) {
        // Before the models are there, nobody counts.
        models.withLock { $0.values.first }?.refused(status: status)
    }

    /// The text for Prometheus.
    func text(_ models: [ServedModel]) async -> String {
        for model in models {
            let engine = model.language.engine
            let (activity, counters) = await (engine.activity, engine.counters)
            guard let metrics = of(model) else { continue }
            metrics.requests(running: activity.running.count, waiting: activity.waiting)
            metrics.cache(usage: Double(activity.cacheBytes) / Double(max(1, engine.limits.cacheBytes)))
            counted.withLock { counted in
                let before = counted[model.name] ?? (0, 0)
                metrics.forwards(counters.passes - before.passes, sequences: counters.passSequences - before.sequences)
                counted[model.name] = (counters.passes, counters.passSequences)
            }
        }
        return registry.text(names)
    }
}
