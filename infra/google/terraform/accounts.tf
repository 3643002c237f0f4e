# Who the functions are, and the least that each needs. No account has a key: Google lends it to the function.

resource "google_service_account" "function" {
  for_each = local.functions

  account_id   = "lockstep-${replace(each.key, "_", "-")}"
  display_name = "Lockstep: ${each.key}"
  depends_on   = [google_project_service.needed]
}

# As whom Cloud Tasks and Cloud Scheduler call; they can do nothing but that.
resource "google_service_account" "tasks" {
  account_id   = "lockstep-tasks"
  display_name = "Lockstep: calls of Cloud Tasks"
  depends_on   = [google_project_service.needed]
}

resource "google_service_account" "scheduler" {
  account_id   = "lockstep-scheduler"
  display_name = "Lockstep: calls of Cloud Scheduler"
  depends_on   = [google_project_service.needed]
}

# Documents: this database, no other.
resource "google_project_iam_member" "documents" {
  for_each = local.functions

  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.function[each.key].member

  condition {
    title      = "lockstep_database"
    expression = "resource.name == \"projects/${var.project}/databases/${google_firestore_database.documents.name}\""
  }
}

# Whoever adds a task says as whom it will call.
resource "google_service_account_iam_binding" "callers" {
  service_account_id = google_service_account.tasks.name
  role               = "roles/iam.serviceAccountUser"
  members            = [for name, function in local.functions : google_service_account.function[name].member if function.tasks]
}

# Who may act for users, where their Workspace's administrator allows it. It has no other right, and the functions that
# speak to calendars only have Google sign in its name.
resource "google_service_account" "delegate" {
  count = local.delegated ? 1 : 0

  account_id   = local.delegate
  display_name = "Lockstep: acts for a Workspace's users"
  depends_on   = [google_project_service.needed]
}

resource "google_service_account_iam_binding" "signers" {
  count = local.delegated ? 1 : 0

  service_account_id = google_service_account.delegate[0].name
  role               = "roles/iam.serviceAccountTokenCreator"
  members            = [for name, function in local.functions : google_service_account.function[name].member if function.calendar]
}

# ---- Building the image -----------------------------------------------------------------------

resource "google_service_account" "build" {
  account_id   = "lockstep-build"
  display_name = "Lockstep: builds the functions"
  depends_on   = [google_project_service.needed]
}

resource "google_project_iam_member" "build_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

# Cloud Functions copies our archive into a bucket of its own, which it makes at the first deployment.
resource "google_project_iam_member" "build_source" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member

  condition {
    title      = "source_of_functions"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.this.number}\") || resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.source.name}\")"
  }
}

resource "google_artifact_registry_repository_iam_member" "build" {
  location   = var.region
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}
