# The queues of infra/google/queues.py: one for all, one for each function that tasks call, one for each provider. All of
# them stand; var.task_queues says which are used. A queue's name is blocked for days once it is deleted.

resource "google_cloud_tasks_queue" "each" {
  for_each = local.queue_kinds

  name     = each.key
  location = var.region

  rate_limits {
    max_dispatches_per_second = try(var.queue_rates[each.value].per_second, 500)
    max_concurrent_dispatches = try(var.queue_rates[each.value].concurrent, 100)
  }

  # A task is dropped only when both its attempts and its time are used up: trouble of three days is outlasted.
  retry_config {
    max_attempts       = 100
    max_retry_duration = "259200s"
    min_backoff        = "1s"
    max_backoff        = "3600s"
    max_doublings      = 12
  }

  # What goes wrong is in the functions' own log; this one says which tasks were not delivered.
  stackdriver_logging_config {
    sampling_ratio = 0.01
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.needed]
}

resource "google_cloud_tasks_queue_iam_binding" "enqueuers" {
  for_each = local.queue_kinds

  name     = google_cloud_tasks_queue.each[each.key].name
  location = var.region
  role     = "roles/cloudtasks.enqueuer"
  members  = [for name, function in local.functions : google_service_account.function[name].member if function.tasks]
}
