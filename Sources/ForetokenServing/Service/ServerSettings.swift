/// How a server answers.
public struct ServerSettings: Sendable {
    /// The largest number of texts that are decoded at once.
    public var parallel = 8
    /// The largest number of texts that wait; a request for more is refused with status 503.
    public var queue = 256
    /// How long a request may take; nil for any time.
    public var timeout: Duration?
    /// Keys that clients must send one of; none if empty.
    public var keys: [String] = []
    /// Whether `/metrics` also has vLLM's and llama.cpp's names, for dashboards that expect these.
    public var aliasesMetrics = false
    /// The version that the server reports.
    public var version = "0.1.0"

    /// Creates the default settings.
    public init() {}
}
