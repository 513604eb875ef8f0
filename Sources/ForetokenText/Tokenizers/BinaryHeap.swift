/// A priority queue that pops the smallest element first.
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
        guard let minimum = elements.first, let last = elements.popLast() else { return nil }
        if elements.isEmpty { return minimum }
        elements[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in (2 * parent + 1)..<min(2 * parent + 3, max(2 * parent + 1, elements.count))
            where elements[child] < elements[smallest] {
                smallest = child
            }
            if smallest == parent { break }
            elements.swapAt(parent, smallest)
            parent = smallest
        }
        return minimum
    }
}
