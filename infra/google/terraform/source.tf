# The source that was built, and the images made of it. Nothing in them is secret.

resource "google_storage_bucket" "source" {
  #checkov:skip=CKV_GCP_62:It holds public source that only Cloud Build reads; the build's own log names the archive
  name                        = "${var.project}-lockstep-source"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  versioning {
    enabled = true
  }

  lifecycle_rule {
    condition {
      num_newer_versions = 3
    }
    action {
      type = "Delete"
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_storage_bucket_object" "source" {
  name   = "source-${filesha256(var.source_archive)}.zip" # the same source has the same name, and deploys nothing anew
  bucket = google_storage_bucket.source.name
  source = var.source_archive
}

resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84:Images of this source hold no data of users; Google's own encryption does
  repository_id = "lockstep"
  location      = var.region
  format        = "DOCKER"
  description   = "Images of Lockstep's functions"

  cleanup_policies {
    id     = "newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 5
    }
  }

  cleanup_policies {
    id     = "old"
    action = "DELETE"
    condition {
      older_than = "30d"
    }
  }

  depends_on = [google_project_service.needed]
}
