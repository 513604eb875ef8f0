import Synchronization

/// Counts the texts that a server generates or keeps waiting, and refuses more than it can hold.
final class Admission: Sendable {
    /// The largest number of texts at once.
    let limit: Int
    private let active = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// The number of texts now.
    var count: Int { active.withLock { $0 } }

    /// Admits a request for some texts.
    ///
    /// - Returns: its place, given up by ``Place/leave()`` or when it is released; nil if there is no room.
    func enter(_ texts: Int) -> Place? {
        active.withLock { active in
            guard active + texts <= limit else { return nil }
            active += texts
            return Place(texts, in: self)
        }
    }

    /// The place of an admitted request.
    final class Place: Sendable {
        private let texts: Mutex<Int>
        private let admission: Admission

        fileprivate init(_ texts: Int, in admission: Admission) {
            self.texts = Mutex(texts)
            self.admission = admission
        }

        /// Gives up the place.
        func leave() {
            let texts = texts.withLock { texts in
                defer { texts = 0 }
                return texts
            }
            admission.active.withLock { $0 -= texts }
        }

        deinit { leave() }
    }
}
