/// A priority queue: the least element first.
struct BinaryHeap<Element: Comparable> {
    private(set) var elements: [Element] = []

    mutating func removeAll() { elements.removeAll(keepingCapacity: true) }

    mutating func push(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0, elements[child] < elements[(child - 1) / 2] {
            elements.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> Element? {
        guard let least = elements.first, let last = elements.popLast() else { return nil }
        if elements.isEmpty { return least }
        elements[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in (2 * parent + 1)..<min(2 * parent + 3, max(2 * parent + 1, elements.count))
            where elements[child] < elements[least] {
                least = child
            }
            if least == parent { break }
            elements.swapAt(parent, least)
            parent = least
        }
        return least
    }
}
