#include "runtime/worker.hpp"

#include <pthread.h>
#include <spdlog/logger.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "runtime/log.hpp"

namespace artham::runtime {
namespace {

/// What the thread needs; it may outlive the worker when the last job destroys the worker.
struct queue {
  std::string name;
  std::size_t max_queued;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> jobs;
  bool stopping = false;
};

void run_job(const queue& q, const std::function<void()>& job) {
  try {
    job();
  } catch (const std::exception& e) {
    log().error("worker {}: a job threw: {}", q.name, e.what());
  } catch (...) {
    log().error("worker {}: a job threw something that is not an exception", q.name);
  }
}

void work(const std::shared_ptr<queue>& q) {
  // Linux keeps 15 characters.
  pthread_setname_np(pthread_self(), q->name.substr(0, 15).c_str());
  std::unique_lock lock(q->mutex);
  for (;;) {
    q->changed.wait(lock, [&] { return q->stopping || !q->jobs.empty(); });
    if (q->jobs.empty()) return;
    {
      const auto job = std::move(q->jobs.front());
      q->jobs.pop_front();
      lock.unlock();
      run_job(*q, job);
    }
    lock.lock();
  }
}

}  // namespace

struct worker::impl {
  std::shared_ptr<queue> q = std::make_shared<queue>();
  std::mutex joining;
  std::thread thread;
};

worker::worker(std::string name, std::size_t max_queued) : impl_(std::make_unique<impl>()) {
  impl_->q->name = std::move(name);
  impl_->q->max_queued = max_queued;
  impl_->thread = std::thread([q = impl_->q] { work(q); });
}

worker::~worker() {
  stop();
  if (impl_->thread.joinable()) impl_->thread.detach();
}

bool worker::post(std::function<void()> job) {
  auto& q = *impl_->q;
  {
    const std::lock_guard lock(q.mutex);
    if (q.stopping || q.jobs.size() >= q.max_queued) return false;
    q.jobs.push_back(std::move(job));
  }
  q.changed.notify_one();
  return true;
}

std::size_t worker::queued() const {
  const std::lock_guard lock(impl_->q->mutex);
  return impl_->q->jobs.size();
}

void worker::stop() {
  {
    const std::lock_guard lock(impl_->q->mutex);
    impl_->q->stopping = true;
  }
  impl_->q->changed.notify_all();
  // A job may stop its own worker: the thread then ends by itself after what is queued.
  if (impl_->thread.get_id() == std::this_thread::get_id()) return;
  const std::lock_guard lock(impl_->joining);
  if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace artham::runtime
