#include "train/feed.h"

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "core/threads.h"

namespace vitro {

// A thread that makes the batch that was asked for last into one of its own. It takes no part of the pool: that belongs
// to the training, which would stand still meanwhile.
struct Feed::Helper {
  SampleBatch batch = {};
  std::optional<Position> position = {}; // of what is in `batch`, or will be

  explicit Helper(const Feed& feed) {
    thread_ = std::thread([this, &feed] {
      const BesideThePool beside;
      std::unique_lock lock(mutex_);
      for (;;) {
        changed_.wait(lock, [&] { return busy_ || ending_; });
        if (ending_) return;
        lock.unlock();
        try {
          feed.make(rows_, position->epoch, batch);
        } catch (...) { thrown_ = std::current_exception(); }
        lock.lock();
        busy_ = false;
        changed_.notify_all();
      }
    });
  }
  ~Helper() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void begin(Position at, std::span<const int64_t> rows) {
    {
      const std::lock_guard lock(mutex_);
      position = at;
      rows_.assign(rows.begin(), rows.end());
      busy_ = true;
    }
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !busy_; });
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false, ending_ = false; // busy: batch, rows and position are the thread's
  std::vector<int64_t> rows_;
  std::exception_ptr thrown_;
  std::thread thread_;
};

namespace {

bool helps([[maybe_unused]] Ahead ahead, [[maybe_unused]] bool takes_long) {
#ifdef VITRO_THREADS
  // Any other batch is a matter of microseconds, less than it takes to wake a thread.
  return ahead == Ahead::always || (ahead == Ahead::where_it_helps && takes_long && thread_count() > 1);
#else
  return false;
#endif
}

} // namespace

Order order_of(const Recipe& recipe, const Schema& schema) {
  return recipe.train.shuffle ? Order::shuffled : schema.text ? Order::continued : Order::as_stored;
}

Feed::Feed(const Recipe& recipe, const Dataset& train, DType dtype, int64_t outputs, Ahead ahead)
    : train_(train), dtype_(dtype), outputs_(outputs),
      batches_(train.size(), recipe.train.batch, uint64_t(recipe.train.seed), order_of(recipe, train.schema),
               frames_of(train)),
      blends_(mixes(recipe.data.augment)) {
  const bool augmented = !recipe.data.augment.empty();
  if (augmented) augmenter_.emplace(recipe.data.augment, train, uint64_t(recipe.train.seed));
  if (helps(ahead, augmented || train.schema.sound)) helper_ = std::make_unique<Helper>(*this);
}

Feed::~Feed() = default;

void Feed::make(std::span<const int64_t> rows, int64_t epoch, SampleBatch& batch) const {
  if (!augmenter_) return fill(train_, rows, dtype_, batch);
  const bool of_lengths = train_.schema.sound.has_value();
  const int64_t steps = of_lengths ? augmenter_->steps_of(rows, epoch) : 0;
  augmenter_->fill_samples(rows, epoch, room_for_samples(train_, int64_t(rows.size()), dtype_, batch, steps));
  if (of_lengths) augmenter_->fill_lengths(rows, epoch, batch.lengths.view());
  if (!blends_) return fill_answers(train_, rows, dtype_, batch);
  const Type targets{dtype_, {int64_t(rows.size()), outputs_}};
  if (batch.targets.type() != targets) batch.targets = Tensor(targets);
  augmenter_->fill_targets(rows, epoch, batch.targets.view());
}

const SampleBatch& Feed::at(Position at) {
  if (!helper_) {
    make(batches_.rows(at), at.epoch, batch_);
    return batch_;
  }
  helper_->wait();
  if (helper_->position == at)
    std::swap(batch_, helper_->batch);
  else
    make(batches_.rows(at), at.epoch, batch_);
  const Position next = after(at);
  helper_->begin(next, batches_.rows(next));
  return batch_;
}

} // namespace vitro
